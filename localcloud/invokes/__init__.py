"""Functions of the AWS SDK (`aws.get_...`) that the local AWS answers, by token; any other is refused by name."""

from collections.abc import Callable, Mapping

from localcloud.invokes import account, networks, parts_of_networks, policy_document
from localcloud.invokes.call import InvokeCall, Json

INVOKES: Mapping[str, Callable[[InvokeCall], dict[str, Json]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": account.caller_identity,
    "aws:index/getRegion:getRegion": account.region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": account.availability_zones,
    "aws:index/getPartition:getPartition": networks.partition,
    "aws:ec2/getAmi:getAmi": networks.image,
    "aws:ec2/getVpc:getVpc": networks.vpc,
    "aws:ec2/getSubnets:getSubnets": networks.subnets,
    "aws:ec2/getSubnet:getSubnet": parts_of_networks.subnet,
    "aws:ec2/getVpcEndpoint:getVpcEndpoint": parts_of_networks.endpoint,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document.get_policy_document,
}

__all__ = ["INVOKES", "InvokeCall"]
