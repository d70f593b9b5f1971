"""A pack that says nothing: what any pack costs, in the engine and in its own process, whoever wrote it."""

# The methods have the names and signatures of the gRPC protocol.
# ruff: noqa: N802

import grpc
from pulumi.runtime.proto import analyzer_pb2 as pb

from policies.analyzer import Analyzer


class Silent(Analyzer):
    """Answers everything, and looks at nothing."""

    def Analyze(self, request: pb.AnalyzeRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """No verdict."""
        return pb.AnalyzeResponse()

    def AnalyzeStack(self, request: pb.AnalyzeStackRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """No verdict."""
        return pb.AnalyzeResponse()
