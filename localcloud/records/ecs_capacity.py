"""ECS: what a cluster may run its tasks on. The local cloud runs them as processes, whatever is chosen."""

from localcloud.records.record import REGION, Call, Record, View, integer, set_of, text, texts


def put_providers(call: Call) -> str:
    """Set a cluster's capacity providers and default strategy (ECS has one call for new and changed)."""
    name = str(call.inputs["clusterName"])
    call.aws("ecs").put_cluster_capacity_providers(
        cluster=name,
        capacityProviders=call.inputs.get("capacityProviders") or [],
        defaultCapacityProviderStrategy=call.inputs.get("defaultCapacityProviderStrategies") or [],
    )
    return name


def read_providers(call: Call) -> View | None:
    """A cluster's capacity providers."""
    found = call.aws("ecs").describe_clusters(clusters=[call.id])["clusters"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    return {
        "clusterName": found[0]["clusterName"],
        "capacityProviders": found[0].get("capacityProviders") or [],
        "defaultCapacityProviderStrategies": found[0].get("defaultCapacityProviderStrategy") or [],
    }


def delete_providers(call: Call) -> None:
    """Leave the cluster none."""
    call.aws("ecs").put_cluster_capacity_providers(
        cluster=call.id, capacityProviders=[], defaultCapacityProviderStrategy=[]
    )


RECORDS = (
    Record(
        type="aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        service="ecs",
        properties={
            "clusterName": text(required=True, replaces=True),
            "capacityProviders": texts(),
            "defaultCapacityProviderStrategies": set_of(
                {"capacityProvider": text(required=True), "base": integer(default=0), "weight": integer(default=0)}
            ),
            **REGION,
        },
        outputs=(),
        unique=("clusterName",),
        create=put_providers,
        read=read_providers,
        update=put_providers,
        delete=delete_providers,
        gone=("ClusterNotFoundException",),
    ),
)
