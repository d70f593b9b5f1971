"""Cases of the controls of isolation on what a managed service opens: 11, 14."""

from policies import UNKNOWN
from policies.model import Properties

from .case import Case

PLANE = "private-control-planes"
EKS = "aws:eks/cluster:Cluster"
GKE = "gcp:container/cluster:Cluster"
CHECKOV_EKS = "Checkov CKV_AWS_38/39 (tests/terraform/checks/resource/aws)"
CHECKOV_GKE = "Checkov CKV_GCP_18/20 (tests/terraform/checks/resource/gcp)"
INSIDE: Properties = {"privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True}}
GKE_NAMES = "Google Kubernetes Engine, DNS-based endpoint"
PROJECT = "gcp:organizations/project:Project"
DEFAULT_NETWORK = "no-default-network"
CHECKOV_PROJECT = "Checkov CKV_GCP_27 (tests/terraform/checks/resource/gcp)"
SHOP: Properties = {"name": "shop", "projectId": "acme-shop", "orgId": "1"}

CASES: tuple[Case, ...] = (
    # 11. Private control planes
    Case(
        PLANE,
        "public",
        "fail",
        EKS,
        {"vpcConfig": {"subnetIds": ["subnet-1"], "endpointPublicAccess": True}},
        CHECKOV_EKS,
        "vpcConfig.endpointPublicAccess",
    ),
    Case(
        PLANE,
        "public by default",
        "fail",
        EKS,
        {"vpcConfig": {"subnetIds": ["subnet-1"]}},
        CHECKOV_EKS,
        "vpcConfig.endpointPublicAccess",
    ),
    Case(
        PLANE,
        "public, for an office",
        "fail",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
        "CIS EKS 5.4.2",
        "vpcConfig.endpointPublicAccess",
    ),
    Case(PLANE, "Google: public by default", "fail", GKE, {"name": "a"}, CHECKOV_GKE),
    Case(
        PLANE,
        "Google: private nodes, public API",
        "fail",
        GKE,
        {"privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": False}},
        "CIS GKE 5.6.4",
        "privateClusterConfig.enablePrivateEndpoint",
    ),
    Case(
        PLANE,
        "Google: for everybody",
        "fail",
        GKE,
        INSIDE | {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}},
        CHECKOV_GKE,
        "masterAuthorizedNetworksConfig.cidrBlocks[0].cidrBlock",
    ),
    Case(
        PLANE,
        "Google: from outside by name",
        "fail",
        GKE,
        {
            "controlPlaneEndpointsConfig": {
                "ipEndpointsConfig": {"enabled": False},
                "dnsEndpointConfig": {"allowExternalTraffic": True},
            }
        },
        GKE_NAMES,
        "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic",
    ),
    Case(
        PLANE,
        "private",
        "pass",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True}},
        CHECKOV_EKS,
    ),
    Case(
        PLANE,
        "private, with ranges that no longer count",
        "pass",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": False, "publicAccessCidrs": ["0.0.0.0/0"]}},
        "near miss: AWS's default for the ranges",
    ),
    Case(PLANE, "Google: private", "pass", GKE, INSIDE, CHECKOV_GKE),
    Case(
        PLANE,
        "Google: private, for one network",
        "pass",
        GKE,
        INSIDE | {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "10.0.0.0/16"}]}},
        CHECKOV_GKE,
    ),
    Case(
        PLANE,
        "Google: by name only, from inside",
        "pass",
        GKE,
        {"controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"enabled": False}}},
        GKE_NAMES,
    ),
    Case(PLANE, "not known", "unknown", EKS, {"vpcConfig": UNKNOWN}, "preview", "vpcConfig"),
    Case(
        PLANE,
        "Google: not known",
        "unknown",
        GKE,
        {"privateClusterConfig": {"enablePrivateEndpoint": UNKNOWN}},
        "preview",
        "privateClusterConfig.enablePrivateEndpoint",
    ),
    # 14. No GCP default network
    Case(
        DEFAULT_NETWORK,
        "made",
        "fail",
        PROJECT,
        SHOP | {"autoCreateNetwork": True},
        CHECKOV_PROJECT,
        "autoCreateNetwork",
    ),
    Case(DEFAULT_NETWORK, "made by default", "fail", PROJECT, SHOP, CHECKOV_PROJECT, "autoCreateNetwork"),
    Case(DEFAULT_NETWORK, "made, as a text", "fail", PROJECT, SHOP | {"autoCreateNetwork": "yes"}, "fail closed"),
    Case(DEFAULT_NETWORK, "not made", "pass", PROJECT, SHOP | {"autoCreateNetwork": False}, CHECKOV_PROJECT),
    Case(
        DEFAULT_NETWORK,
        "not made, in a folder",
        "pass",
        PROJECT,
        {"projectId": "acme-shop", "folderId": "2", "autoCreateNetwork": False},
        CHECKOV_PROJECT,
    ),
    Case(
        DEFAULT_NETWORK,
        "not made, as a text",
        "pass",
        PROJECT,
        SHOP | {"autoCreateNetwork": "false"},
        "near miss: a provider takes the text too",
    ),
    Case(
        DEFAULT_NETWORK,
        "not known",
        "unknown",
        PROJECT,
        SHOP | {"autoCreateNetwork": UNKNOWN},
        "preview",
        "autoCreateNetwork",
    ),
)
