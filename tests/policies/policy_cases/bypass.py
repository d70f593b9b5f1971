"""Cases of the controls of bypass."""

from policies import UNKNOWN, Options, PolicySettings
from policies.model import Properties

from .case import EVASION, OWN_ACCOUNT, Case, thing, urn
from .pods import DEPLOYMENT, declaring

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

IGNORED = "guarded-not-ignored"
PULUMI_IGNORE = "Pulumi, resource option ignoreChanges"
PULUMI_PATHS = "Pulumi, property paths (sdk/go/common/resource/property_path.go)"
WEB: Properties = {"name": "web", "ingress": [INLINE_RULE], "tags": {"Name": "web"}}

OWN = "own-accounts-only"
AWS = "pulumi:providers:aws"
GCP = "pulumi:providers:gcp"
GITHUB = "pulumi:providers:github"
# Of a factory on a real account. The one of the other cases is the local cloud's, which no real account has.
REAL_ACCOUNT = "111122223333"
REAL = PolicySettings(accounts=(REAL_ACCOUNT,), gcp_projects=("acme-links-build",))
CHECKOV_PROVIDER = "Checkov CKV_AWS_41 (tests/terraform/checks/provider/aws)"
GITHUB_KEYS = "GitHub, keeping your API credentials secure"
TERRAFORM_PROVIDER = "Terraform AWS provider: allowed_account_ids"
ONLY_REAL: Properties = {"region": "eu-central-1", "allowedAccountIds": f'["{REAL_ACCOUNT}"]'}
# The example keys of AWS's documentation.
KEY_ID, KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
FEDERATED = '{"type": "external_account", "audience": "//iam.googleapis.com/a", "token_url": "https://sts.example"}'


def _ignoring(name: str, path: str, ignored: str, source: str = PULUMI_PATHS) -> Case:
    return Case(IGNORED, name, "fail", GROUP, WEB, source, path, options=Options(ignore_changes=("name", ignored)))


def _ignores(name: str, type_: str, properties: Properties, ignored: str) -> Case:
    return Case(IGNORED, name, "pass", type_, properties, "near miss", options=Options(ignore_changes=(ignored,)))


def _provider(name: str, type_: str, properties: Properties, path: str, source: str) -> Case:
    return Case(OWN, name, "fail", type_, properties, source, path, settings=REAL)


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
    # 2. No ignoreChanges on guarded properties
    _ignoring("a whole property", "ingress", "ingress", PULUMI_IGNORE),
    _ignoring("a part of it", "ingress", "ingress[0].cidrBlocks"),
    _ignoring("every part of it", "ingress.*.cidrBlocks", "ingress[*].cidrBlocks"),
    _ignoring("in brackets", "ingress", '["ingress"]'),
    _ignoring("everything", "*", "*"),
    _ignoring("everything, in brackets", "*", "[*]"),
    _ignoring("all tags", "tags", "tags"),
    _ignoring("one tag that rules go by", "tags.cost-center", 'tags["cost-center"]'),
    _ignoring("what cannot be read", "*", 'ingress["', EVASION),
    Case(
        IGNORED,
        "as Python has it",
        "fail",
        "aws:ec2/subnet:Subnet",
        {"mapPublicIpOnLaunch": False},
        PULUMI_IGNORE,
        "map_public_ip_on_launch",
        options=Options(ignore_changes=("map_public_ip_on_launch",)),
    ),
    Case(
        IGNORED,
        "the pod in a deployment",
        "fail",
        DEPLOYMENT,
        declaring(DEPLOYMENT, {"containers": [{"name": "web"}]}),
        PULUMI_IGNORE,
        "spec.template",
        options=Options(ignore_changes=("spec.template",)),
    ),
    Case(
        IGNORED,
        "an image in a deployment",
        "fail",
        DEPLOYMENT,
        declaring(DEPLOYMENT, {"containers": [{"name": "web"}]}),
        PULUMI_IGNORE,
        "spec.template.spec.containers",
        options=Options(ignore_changes=("spec.template.spec.containers[0].image",)),
    ),
    Case(
        IGNORED,
        "which accounts a provider may work on",
        "fail",
        AWS,
        {"allowedAccountIds": f'["{OWN_ACCOUNT}"]'},
        EVASION,
        "allowedAccountIds",
        options=Options(ignore_changes=("allowedAccountIds",)),
    ),
    Case(IGNORED, "nothing ignored", "pass", GROUP, WEB, "positive control"),
    _ignores("how many tasks there are", "aws:ecs/service:Service", {"desiredCount": 2}, "desiredCount"),
    _ignores("how many machines there are", "aws:autoscaling/group:Group", {"desiredCapacity": 2}, "desiredCapacity"),
    _ignores("how many pods there are", DEPLOYMENT, declaring(DEPLOYMENT, {"containers": []}), "spec.replicas"),
    _ignores("a description", GROUP, WEB, "description"),
    _ignores("a tag that no rule goes by", GROUP, WEB, 'tags["LastScanned"]'),
    _ignores("notes of other programs", DEPLOYMENT, declaring(DEPLOYMENT, {}), 'metadata.annotations["a.example/b"]'),
    _ignores("a name that begins alike", GROUP, WEB, "ingressNotes"),
    # 3. Provider accounts allow-listed; no static keys
    _provider(
        "key written down",
        AWS,
        ONLY_REAL | {"accessKey": KEY_ID, "secretKey": KEY},
        "secretKey",
        CHECKOV_PROVIDER,
    ),
    _provider("session written down", AWS, ONLY_REAL | {"token": "IQoJb3JpZ2luX2VjE"}, "token", CHECKOV_PROVIDER),
    _provider("no account", AWS, {"region": "eu-central-1"}, "allowedAccountIds", TERRAFORM_PROVIDER),
    _provider(
        "only accounts that it may not work on",
        AWS,
        {"forbiddenAccountIds": '["444455556666"]', "allowedAccountIds": "[]"},
        "allowedAccountIds",
        TERRAFORM_PROVIDER,
    ),
    _provider(
        "somebody else's account",
        AWS,
        {"allowedAccountIds": f'["{REAL_ACCOUNT}", "444455556666"]'},
        "allowedAccountIds[1]",
        TERRAFORM_PROVIDER,
    ),
    _provider("no list", AWS, {"allowedAccountIds": "[1112"}, "allowedAccountIds", "fail closed"),
    Case(
        OWN,
        "the engine's own provider on a real account",
        "fail",
        AWS,
        {"region": "eu-central-1"},
        TERRAFORM_PROVIDER,
        "allowedAccountIds",
        resource="default_7_8_0",
        settings=REAL,
    ),
    Case(
        OWN,
        "outside of any factory, no account",
        "fail",
        AWS,
        {"region": "eu-central-1"},
        TERRAFORM_PROVIDER,
        "allowedAccountIds",
        settings=PolicySettings(),
    ),
    Case(
        OWN,
        "Google: a factory that lists no projects",
        "fail",
        GCP,
        {"project": "acme-links-build"},
        "an empty list allows none",
        "project",
        settings=PolicySettings(accounts=(REAL_ACCOUNT,)),
    ),
    Case(
        OWN,
        "outside of any factory, one account",
        "pass",
        AWS,
        ONLY_REAL,
        "docs/how-to: single parts in a program of one's own",
        settings=PolicySettings(),
    ),
    Case(
        OWN,
        "local, a provider of its own that names no account",
        "fail",
        AWS,
        {"region": "eu-west-3"},
        "should a real one answer, it must refuse",
        "allowedAccountIds",
    ),
    Case(
        OWN,
        "local, an account that is none of the factory's",
        "fail",
        AWS,
        {"allowedAccountIds": f'["{OWN_ACCOUNT}"]', "accessKey": "444455556666", "secretKey": "x"},
        "the local cloud's way to name an account",
        "accessKey",
    ),
    Case(
        OWN,
        "local, a real key",
        "fail",
        AWS,
        {"allowedAccountIds": f'["{OWN_ACCOUNT}"]', "accessKey": KEY_ID, "secretKey": KEY},
        CHECKOV_PROVIDER,
        "accessKey",
    ),
    _provider(
        "a twelve-digit key on a real account", AWS, ONLY_REAL | {"accessKey": REAL_ACCOUNT}, "accessKey", EVASION
    ),
    _provider("Google: no project", GCP, {"region": "europe-west1"}, "project", "Terraform Google provider: project"),
    _provider("Google: another project", GCP, {"project": "somebody-else"}, "project", "gcp_projects in policies.yaml"),
    _provider(
        "Google: key of a service account",
        GCP,
        {"project": "acme-links-build", "credentials": '{"type": "service_account", "private_key": "-----BEGIN"}'},
        "credentials",
        "Google Cloud, best practices for service account keys",
    ),
    _provider(
        "Google: file with a key",
        GCP,
        {"project": "acme-links-build", "credentials": "/srv/key.json"},
        "credentials",
        "Terraform Google provider: credentials",
    ),
    _provider("GitHub: token", GITHUB, {"owner": "acme", "token": "ghp_0000"}, "token", GITHUB_KEYS),
    _provider(
        "GitHub: key of an app",
        GITHUB,
        {"owner": "acme", "appAuth": '{"id": "1", "installationId": "2", "pemFile": "-----BEGIN"}'},
        "appAuth.pemFile",
        GITHUB_KEYS,
    ),
    Case(OWN, "own account only", "pass", AWS, ONLY_REAL, TERRAFORM_PROVIDER, settings=REAL),
    Case(
        OWN,
        "own account only, as a list",
        "pass",
        AWS,
        {"allowedAccountIds": [REAL_ACCOUNT]},
        TERRAFORM_PROVIDER,
        settings=REAL,
    ),
    Case(
        OWN,
        "another account that is listed, by a role",
        "pass",
        AWS,
        {
            "allowedAccountIds": '["222233334444"]',
            "assumeRoles": '[{"roleArn": "arn:aws:iam::222233334444:role/deploys"}]',
        },
        "near miss: in policies.yaml",
        settings=PolicySettings(accounts=(REAL_ACCOUNT, "222233334444")),
    ),
    Case(OWN, "keys said to be none", "pass", AWS, ONLY_REAL | {"accessKey": ""}, CHECKOV_PROVIDER, settings=REAL),
    Case(
        OWN,
        "the engine's own provider, told its account by the configuration",
        "pass",
        AWS,
        ONLY_REAL,
        TERRAFORM_PROVIDER,
        resource="default_7_8_0",
        settings=REAL,
    ),
    Case(
        OWN,
        "local, the engine's own provider",
        "pass",
        AWS,
        {"region": "eu-central-1"},
        "the local cloud",
        resource="default_7_8_0",
    ),
    Case(
        OWN,
        "local, as the house declares it",
        "pass",
        AWS,
        {"region": "eu-central-1", "allowedAccountIds": f'["{OWN_ACCOUNT}"]'},
        "stacks.provider",
    ),
    Case(
        OWN,
        "local, an account named by its key",
        "pass",
        AWS,
        {"allowedAccountIds": f'["{OWN_ACCOUNT}"]', "accessKey": OWN_ACCOUNT, "secretKey": "unused"},
        "the local cloud's way to name an account",
    ),
    Case(OWN, "Google: own project", "pass", GCP, {"project": "acme-links-build"}, "near miss", settings=REAL),
    Case(
        OWN,
        "Google: federated",
        "pass",
        GCP,
        {"project": "acme-links-build", "credentials": FEDERATED},
        "Google Cloud, workload identity federation: the file holds no key",
        settings=REAL,
    ),
    Case(OWN, "GitHub: without a token", "pass", GITHUB, {"owner": "acme"}, "near miss"),
    Case(
        OWN,
        "GitHub: an app whose key is elsewhere",
        "pass",
        GITHUB,
        {"owner": "acme", "appAuth": '{"id": "1", "installationId": "2"}'},
        "near miss",
    ),
    Case(
        OWN, "key not known", "unknown", AWS, ONLY_REAL | {"accessKey": UNKNOWN}, "preview", "accessKey", settings=REAL
    ),
    Case(OWN, "accounts not known", "unknown", AWS, {"allowedAccountIds": UNKNOWN}, "preview", "allowedAccountIds"),
    Case(OWN, "Google: project not known", "unknown", GCP, {"project": UNKNOWN}, "preview", "project"),
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
