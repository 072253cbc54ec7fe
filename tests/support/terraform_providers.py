"""Stand-ins for Terraform's providers: servers that know a provider's schema and nothing else.

With them Terraform itself checks every name, type and reference of `deploy/` and plans it, without a download
or a cloud. https://github.com/hashicorp/terraform/tree/main/docs/plugin-protocol
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack

_UNKNOWN = msgpack.ExtType(0, b"\0")
_SAMPLES: Mapping[str, Any] = {"string": "told-by-the-cloud", "number": 1, "bool": False}


@contextmanager
def recorded_providers(schemas: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Serve each provider on a socket in `folder`; gives the value of TF_REATTACH_PROVIDERS to find them."""
    addresses = {}
    servers = []
    for name, provider in schemas.items():
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers([_Provider(provider)])
        address = str(folder / name)
        server.add_insecure_port(f"unix:{address}")
        server.start()
        servers.append(server)
        addresses[f"registry.terraform.io/hashicorp/{name}"] = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": address},
        }
    try:
        yield json.dumps(addresses)
    finally:
        for server in servers:
            server.stop(None)


class _Provider(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Plans whatever is asked for, finds every data source, and has nothing against anything."""

    def __init__(self, provider: Mapping[str, Any]) -> None:
        self._resources, self._data_sources = provider["resources"], provider["data_sources"]
        self._schema = b"".join(
            [
                _message(1, _schema(provider["provider"])),
                *(_message(2, _entry(name, _schema(it))) for name, it in self._resources.items()),
                *(_message(3, _entry(name, _schema(it))) for name, it in self._data_sources.items()),
            ]
        )

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        answers = {
            "GetProviderSchema": lambda request: self._schema,
            "PlanResourceChange": self._plan,
            "ReadDataSource": self._read,
        }
        answer = answers.get(details.method.rpartition("/")[2], lambda request: b"")
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer(request))

    def _plan(self, request: bytes) -> bytes:
        """The proposed state, in which what only the cloud can tell is unknown."""
        sent = _fields(request)
        state = msgpack.unpackb(_fields(sent[3])[1])
        _fill(self._resources[sent[1].decode()], state, known=False)
        # The last field says that this provider is of the older kind, whose plans are taken less strictly.
        return _message(1, _message(1, msgpack.packb(state))) + _number(5, 1)

    def _read(self, request: bytes) -> bytes:
        sent = _fields(request)
        state = msgpack.unpackb(_fields(sent[2])[1])
        _fill(self._data_sources[sent[1].decode()], state, known=True)
        return _message(1, _message(1, msgpack.packb(state)))


def _fill(members: Mapping[str, Any], state: dict[str, Any], *, known: bool) -> None:
    for name, member in members.items():
        if name == "transport" and not state[name]:
            state[name] = [{"pubsub": [{"topic": None, "subscription": None}]}]  # Eventarc always makes one
        if "block" in member:
            for each in state[name] if isinstance(state[name], list) else []:
                _fill(member["block"], each, known=known)
        elif state[name] is None and (member["use"] == "computed" or name == "id"):
            state[name] = _SAMPLES.get(str(member["type"])) if known else _UNKNOWN


# The messages of tfplugin6.proto that are needed, in protobuf's wire format.

_LIST, _SINGLE = 2, 1


def _schema(members: Mapping[str, Any]) -> bytes:
    return _message(2, _block(members))


def _block(members: Mapping[str, Any]) -> bytes:
    return b"".join(
        _message(3, _nested_block(name, member))
        if "block" in member
        else _message(2, _attribute(name, member))
        for name, member in members.items()
    )


def _attribute(name: str, member: Mapping[str, Any]) -> bytes:
    use = {"required": _number(4, 1), "optional": _number(5, 1) + _number(6, 1), "computed": _number(6, 1)}
    return _text(1, name) + _text(2, json.dumps(member["type"])) + use[member["use"]]


def _nested_block(name: str, member: Mapping[str, Any]) -> bytes:
    nesting = _SINGLE if name == "timeouts" else _LIST
    least = _number(4, 1) if member["use"] == "required" else b""
    most = b"" if member["many"] or nesting == _SINGLE else _number(5, 1)
    return _text(1, name) + _message(2, _block(member["block"])) + _number(3, nesting) + least + most


def _entry(key: str, value: bytes) -> bytes:
    return _text(1, key) + _message(2, value)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _fields(message: bytes) -> dict[int, bytes]:
    """The fields of a message that are messages or text themselves, by number."""
    found = {}
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        size, position = _read_varint(message, position)
        if tag & 7 == 2:
            found[tag >> 3] = message[position : position + size]
            position += size
    return found


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while message[position] & 0x80:
        value |= (message[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
    return value | message[position] << shift, position + 1


def _varint(value: int) -> bytes:
    more = value >> 7
    return bytes([value & 0x7F | 0x80]) + _varint(more) if more else bytes([value])
