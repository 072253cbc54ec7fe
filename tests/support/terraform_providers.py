"""Stand-ins for Terraform's providers: servers that know a provider's schema and nothing else.

With them Terraform itself checks every name, type and reference of `deploy/`, plans it, and applies it to
nothing, without a download or a cloud. https://github.com/hashicorp/terraform/tree/main/docs/plugin-protocol
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack

_UNKNOWN = msgpack.ExtType(0, b"\0")
_SAMPLES: Mapping[str, Any] = {"string": "told-by-the-cloud", "number": 1, "bool": False}

Look = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What the cloud says of a resource, by its type and what Terraform believes it is."""


@contextmanager
def recorded_providers(
    schemas: Mapping[str, Any], folder: Path, look: Look = lambda kind, state: state
) -> Iterator[str]:
    """Serve each provider on a socket in `folder`; gives the value of TF_REATTACH_PROVIDERS to find them."""
    addresses = {}
    servers = []
    for name, provider in schemas.items():
        # Terraform holds a stream open in each of its connections, and each of them holds a thread.
        server = grpc.server(ThreadPoolExecutor(32))
        server.add_generic_rpc_handlers([_Provider(provider, look)])
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
    """Plans and makes whatever is asked for, finds every data source, and has nothing against anything."""

    def __init__(self, provider: Mapping[str, Any], look: Look) -> None:
        self._look = look
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
            "ApplyResourceChange": self._apply,
            "ReadResource": self._read,
            "UpgradeResourceState": self._upgrade,
            "ReadDataSource": self._read_data,
        }
        answer = answers.get(details.method.rpartition("/")[2], lambda request: b"")
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer(request))

    def _plan(self, request: bytes) -> bytes:
        """The proposed state, in which what only the cloud can tell of something new is unknown."""
        kind, state = _sent(request, 3)
        _, before = _sent(request, 2)
        if before is None:
            _fill(self._resources[kind], state, known=False)
        elif state is not None and "transport" in state:
            state["transport"] = before["transport"]
        # The last field says that this provider is of the older kind, whose plans are taken less strictly.
        return _state(state) + _number(5, 1)

    def _apply(self, request: bytes) -> bytes:
        """The planned state, in which all is known now."""
        kind, state = _sent(request, 3)
        if state is not None:
            _fill(self._resources[kind], state, known=True)
        return _state(state) + _number(4, 1)

    def _read(self, request: bytes) -> bytes:
        kind, state = _sent(request, 2)
        return _state(self._look(kind, state))

    def _upgrade(self, request: bytes) -> bytes:
        """The state as it was written, which is of this schema."""
        kind, stored = _fields(request)[1].decode(), json.loads(_fields(_fields(request)[3])[1])
        return _state(_whole(self._resources[kind], stored))

    def _read_data(self, request: bytes) -> bytes:
        kind, state = _sent(request, 2)
        if "output_sha256" in state:  # an archive is another when what goes into it is
            state["output_sha256"] = hashlib.sha256(json.dumps(state).encode()).hexdigest()
        _fill(self._data_sources[kind], state, known=True)
        return _state(state)


def _sent(request: bytes, field: int) -> tuple[str, Any]:
    """A request's type, and the state in one of its fields."""
    sent = _fields(request)
    return sent[1].decode(), msgpack.unpackb(_fields(sent[field])[1])


def _state(state: Any) -> bytes:
    """A response's first field."""
    return _message(1, _message(1, msgpack.packb(state)))


def _whole(members: Mapping[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """A stored state with every member of the schema."""
    return {
        name: state.get(name, [] if "block" in member and name != "timeouts" else None)
        for name, member in members.items()
    }


def _fill(members: Mapping[str, Any], state: dict[str, Any], *, known: bool) -> None:
    for name, member in members.items():
        if name == "transport" and not state[name]:
            state[name] = [{"pubsub": [{"topic": None, "subscription": None}]}]  # Eventarc always makes one
        if "block" in member:
            for each in state[name] if isinstance(state[name], list) else []:
                _fill(member["block"], each, known=known)
            continue
        told = member["use"] == "computed" or name == "id"
        if state[name] == _UNKNOWN or (state[name] is None and told):
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
