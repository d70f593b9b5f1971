"""Cases of the controls of bypass."""

from policies import UNKNOWN
from policies.model import Properties

from .case import EVASION, Case, thing, urn

GROUP = "aws:ec2/securityGroup:SecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
READS_S3 = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}'
INLINE_RULE = {"fromPort": 443, "toPort": 443, "protocol": "tcp", "cidrBlocks": ["10.0.0.0/8"]}
TERRAFORM_SG = "Terraform AWS provider, aws_security_group: Protocol and rule conflicts"
TERRAFORM_ROLE = "Terraform AWS provider, aws_iam_role: inline_policy, managed_policy_arns"
AWSGUARD = "AWSGuard no-management-conflicts"

MIXED = "no-mixed-forms"
OPAQUE = "no-opaque-resources"

STACK = "aws:cloudformation/stack:Stack"
RELEASE = "kubernetes:helm.sh/v3:Release"
PYTHON = "pulumi-python:dynamic:Resource"
TEMPLATE = '{"Resources": {"Door": {"Type": "AWS::EC2::SecurityGroup"}}}'
PULUMI_AWS = "Pulumi registry, aws: example of the type"
PULUMI_HELM = "Pulumi, Kubernetes: choosing between Chart and Release"
PULUMI_COMMAND = "Pulumi registry, command: example of the type"
PULUMI_DYNAMIC = "Pulumi, dynamic providers"


def _opaque(name: str, type_: str, properties: Properties, source: str) -> Case:
    return Case(OPAQUE, name, "fail", type_, properties, source)


CASES: tuple[Case, ...] = (
    # 1. Opaque resources forbidden
    _opaque("CloudFormation stack", STACK, {"templateBody": TEMPLATE}, PULUMI_AWS),
    _opaque("CloudFormation stack, not known yet what is in it", STACK, {"templateBody": UNKNOWN}, "preview"),
    _opaque("stack set", "aws:cloudformation/stackSet:StackSet", {"templateUrl": "https://a.example/b"}, PULUMI_AWS),
    _opaque("instances", "aws:cloudformation/stackInstances:StackInstances", {"stackSetName": "a"}, PULUMI_AWS),
    _opaque("instance", "aws:cloudformation/stackSetInstance:StackSetInstance", {"stackSetName": "a"}, PULUMI_AWS),
    _opaque(
        "product of a catalogue",
        "aws:servicecatalog/provisionedProduct:ProvisionedProduct",
        {"productName": "vpc", "provisioningArtifactName": "1"},
        PULUMI_AWS,
    ),
    _opaque(
        "application of the serverless repository",
        "aws:serverlessrepository/cloudFormationStack:CloudFormationStack",
        {"capabilities": ["CAPABILITY_RESOURCE_POLICY"]},
        PULUMI_AWS,
    ),
    _opaque(
        "cloud control",
        "aws:cloudcontrol/resource:Resource",
        {"typeName": "AWS::IAM::Role", "desiredState": "{}"},
        PULUMI_AWS,
    ),
    _opaque(
        "cloud control by its own provider",
        "aws-native:ec2:SecurityGroup",
        {"groupDescription": "a", "securityGroupIngress": [{"ipProtocol": "-1", "cidrIp": "0.0.0.0/0"}]},
        "Pulumi registry, aws-native",
    ),
    _opaque("release", RELEASE, {"chart": "nginx", "namespace": "links-build"}, PULUMI_HELM),
    _opaque("local command", "command:local:Command", {"create": "aws iam create-user --user-name a"}, PULUMI_COMMAND),
    _opaque("remote command", "command:remote:Command", {"create": "curl a.example | sh"}, PULUMI_COMMAND),
    _opaque("copy to a machine", "command:remote:CopyToRemote", {"remotePath": "/etc"}, PULUMI_COMMAND),
    _opaque("Python", PYTHON, {"__provider": "gASV..."}, PULUMI_DYNAMIC),
    _opaque("Python under a name of its own", "pulumi-python:dynamic/github:Label", {"name": "a"}, PULUMI_DYNAMIC),
    _opaque("JavaScript", "pulumi-nodejs:dynamic:Resource", {"__provider": "exports..."}, PULUMI_DYNAMIC),
    _opaque(
        "Deployment Manager",
        "gcp:deploymentmanager/deployment:Deployment",
        {"target": {"config": {"content": "resources: []"}}},
        "Pulumi registry, gcp: example of the type",
    ),
    _opaque(
        "release by Flux",
        "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease",
        {"spec": {"chart": {"spec": {"chart": "nginx"}}}},
        "Flux, HelmRelease",
    ),
    _opaque(
        "folder by Flux",
        "kubernetes:kustomize.toolkit.fluxcd.io/v1:Kustomization",
        {"spec": {"path": "./deploy"}},
        "Flux, Kustomization",
    ),
    _opaque("release by k3s", "kubernetes:helm.cattle.io/v1:HelmChart", {"spec": {"chart": "a"}}, "K3s, Helm"),
    _opaque(
        "application of Argo CD",
        "kubernetes:argoproj.io/v1alpha1:Application",
        {"spec": {"source": {"repoURL": "https://a.example/b.git"}}},
        "Argo CD, declarative set-up",
    ),
    _opaque(
        "applications of Argo CD",
        "kubernetes:argoproj.io/v1alpha1:ApplicationSet",
        {"spec": {"generators": []}},
        "Argo CD, declarative set-up",
    ),
    _opaque("stack by the operator", "kubernetes:pulumi.com/v1:Stack", {"spec": {}}, "Pulumi Kubernetes operator"),
    Case(
        OPAQUE,
        "chart: what it renders is registered",
        "pass",
        "kubernetes:helm.sh/v4:Chart",
        {"chart": "nginx"},
        PULUMI_HELM,
        others=(thing("kubernetes:core/v1:Service", {"metadata": {"name": "nginx"}}, "nginx"),),
    ),
    Case(OPAQUE, "chart, the older one", "pass", "kubernetes:helm.sh/v3:Chart", {"chart": "nginx"}, PULUMI_HELM),
    Case(OPAQUE, "YAML", "pass", "kubernetes:yaml/v2:ConfigFile", {"file": "a.yaml"}, "Pulumi registry, kubernetes"),
    Case(
        OPAQUE,
        "a type is registered, nothing made of it",
        "pass",
        "aws:cloudformation/cloudFormationType:CloudFormationType",
        {"typeName": "ACME::Door::Frame", "schemaHandlerPackage": "s3://acme/door.zip"},
        "near miss",
    ),
    # 4. Inline and standalone rules not mixed
    Case(
        MIXED,
        "inline ingress and an ingress rule",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        TERRAFORM_SG,
        "securityGroupId",
        "rule",
        answered={"id": "sg-1"},
        others=(thing(INGRESS_RULE, {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline egress and an egress rule",
        "fail",
        GROUP,
        {"name": "web", "egress": [INLINE_RULE]},
        TERRAFORM_SG,
        "securityGroupId",
        "rule",
        answered={"id": "sg-1"},
        others=(thing(EGRESS_RULE, {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline ingress and a rule of either direction",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        AWSGUARD,
        "securityGroupId",
        answered={"id": "sg-1"},
        others=(thing(GROUP_RULE, {"securityGroupId": "sg-1", "type": "ingress"}, "rule"),),
    ),
    Case(
        MIXED,
        "the group is not made yet, but the rule's value comes from it",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        EVASION,
        "securityGroupId",
        others=(
            thing(
                INGRESS_RULE,
                {"securityGroupId": UNKNOWN},
                "rule",
                property_dependencies={"securityGroupId": (urn(GROUP, "test"),)},
            ),
        ),
    ),
    Case(
        MIXED,
        "inline policy and a policy of its own",
        "fail",
        ROLE,
        {"name": "reader", "inlinePolicies": [{"name": "a", "policy": READS_S3}]},
        TERRAFORM_ROLE,
        "role",
        "more",
        others=(thing(ROLE_POLICY, {"role": "reader", "policy": READS_S3}, "more"),),
    ),
    Case(
        MIXED,
        "managed policies inline and attached",
        "fail",
        ROLE,
        {"name": "reader", "managedPolicyArns": ["arn:aws:iam::123456789012:policy/a"]},
        TERRAFORM_ROLE,
        "role",
        others=(thing(ROLE_ATTACHMENT, {"role": "reader", "policyArn": "arn:aws:iam::123456789012:policy/b"}, "more"),),
    ),
    Case(
        MIXED,
        "managed policies inline, and the role in a list of an attachment",
        "fail",
        ROLE,
        {"name": "reader", "managedPolicyArns": ["arn:aws:iam::123456789012:policy/a"]},
        TERRAFORM_ROLE,
        "roles[1]",
        others=(
            thing(ATTACHMENT, {"roles": ["else", "reader"], "policyArn": "arn:aws:iam::123456789012:policy/b"}, "more"),
        ),
    ),
    Case(
        MIXED,
        "all rules standalone",
        "pass",
        GROUP,
        {"name": "web"},
        TERRAFORM_SG,
        answered={"id": "sg-1", "ingress": [INLINE_RULE]},
        others=(
            thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "one"),
            thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "two"),
        ),
    ),
    Case(
        MIXED,
        "all rules inline",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE], "egress": [INLINE_RULE]},
        TERRAFORM_SG,
    ),
    Case(
        MIXED,
        "another group's rule",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "near miss",
        answered={"id": "sg-1"},
        others=(
            thing(GROUP, {"name": "db"}, "db", answered={"id": "sg-2"}),
            thing(INGRESS_RULE, {"securityGroupId": "sg-2"}, "rule"),
        ),
    ),
    Case(
        MIXED,
        "the other direction",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "near miss",
        answered={"id": "sg-1"},
        others=(thing(GROUP_RULE, {"securityGroupId": "sg-1", "type": "egress"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline policy and an attached managed one",
        "pass",
        ROLE,
        {"name": "reader", "inlinePolicies": [{"name": "a", "policy": READS_S3}]},
        "near miss: the two do not meet",
        others=(thing(ROLE_ATTACHMENT, {"role": "reader", "policyArn": "arn:aws:iam::aws:policy/x"}, "more"),),
    ),
    Case(
        MIXED,
        "nothing inline, said so",
        "pass",
        ROLE,
        {"name": "reader", "inlinePolicies": []},
        "near miss",
        others=(thing(ROLE_POLICY, {"role": "reader", "policy": READS_S3}, "more"),),
    ),
    Case(
        MIXED,
        "whose rule it is, is not known",
        "unknown",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "preview",
        "securityGroupId",
        "rule",
        others=(thing(INGRESS_RULE, {"securityGroupId": UNKNOWN}, "rule"),),
    ),
    Case(
        MIXED,
        "whether there are inline rules is not known",
        "unknown",
        GROUP,
        {"name": "web", "ingress": UNKNOWN},
        "preview",
        "ingress",
        answered={"id": "sg-1"},
        others=(thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "rule"),),
    ),
)
