"""The provider door's server: gRPC on an ephemeral loopback port."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.clients import Clients
from localcloud.provider.made import Keeper
from localcloud.provider.servicer import Servicer
from localcloud.records import RECORDS
from localcloud.records.record import Record

WORKERS: Final = 32
# Pulumi's own limit for one message (pulumi/sdk/go/common/util/rpcutil): large states and policies must fit.
LARGEST_MESSAGE: Final = 400 * 1024 * 1024


class ProviderDoor:
    """A running resource provider for the AWS SDK."""

    def __init__(self, clients: Clients, keeper: Keeper, records: Mapping[str, Record] = RECORDS) -> None:
        self.servicer = Servicer(clients, keeper, records)
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS, thread_name_prefix="provider"),
            options=[
                ("grpc.max_receive_message_length", LARGEST_MESSAGE),
                ("grpc.max_send_message_length", LARGEST_MESSAGE),
                ("grpc.so_reuseport", 0),
            ],
        )
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self.servicer, self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    @property
    def address(self) -> str:
        """Where it listens, host:port."""
        return f"127.0.0.1:{self._port}"

    def close(self) -> None:
        """Stop at once; calls under way are cancelled."""
        self._server.stop(grace=None)
