"""Bytes on the socket: an answer sent well, or in one of the bad ways of faults.py."""

import socket
import struct
from threading import Event

from tools.practice_lofty.faults import Fault
from tools.practice_lofty.messages import Answer

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER value with which closing sends a reset."""
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
TICK = 0.05
"""seconds between two pieces of a fast drip"""


def send(
    connection: socket.socket,
    answer: Answer,
    fault: Fault | None,
    closing: Event,
    *,
    last: bool = False,
) -> bool:
    """Send; True if the connection can serve another request. Raises OSError: client is gone."""
    head = answer.head(closing=last)
    if fault is not None and fault.kind == "early_hints":
        connection.sendall(EARLY_HINTS * int(fault.number("count")))
        if not fault.is_answered:
            return False
    match fault.kind if fault else "":
        case "drop_before" | "drop_after" | "apply_after_drop":
            pass
        case "endless_100":
            _say_continue(connection, _parameter(fault, "seconds"), closing)
        case "cut_headers":
            connection.sendall(head[: len(head) // 2])
        case "cut_body":
            connection.sendall(head + answer.body[: len(answer.body) // 2])
        case "drip_headers":
            return _drip(connection, head + answer.body, _rate(fault), closing) and not last
        case "drip_body":
            connection.sendall(head)
            return _drip(connection, answer.body, _rate(fault), closing) and not last
        case _:
            connection.sendall(head + answer.body)
            return not last
    _prepare_end(connection, fault)
    return False


def is_reset(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET


def _prepare_end(connection: socket.socket, fault: Fault | None) -> None:
    if fault is not None and fault.parameters.get("how") == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _parameter(fault: Fault | None, name: str) -> float:
    return fault.number(name) if fault else 0.0


def _rate(fault: Fault | None) -> float:
    return _parameter(fault, "bytes_per_second")


def _drip(connection: socket.socket, content: bytes, rate: float, closing: Event) -> bool:
    """True when all of it was sent."""
    step = max(1, int(rate * TICK))
    for start in range(0, len(content), step):
        connection.sendall(content[start : start + step])
        if closing.wait(step / rate):
            return False
    return True


def _say_continue(connection: socket.socket, seconds: float, closing: Event) -> None:
    for _ in range(int(seconds / TICK)):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if closing.wait(TICK):
            return
