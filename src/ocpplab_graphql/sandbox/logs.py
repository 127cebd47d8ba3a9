"""
The OCPP messages of a charger: a pure function of the charger, nothing is stored.

Twenty to sixty messages from the moment the charger was created: boot, status of every connector, then
heartbeats and charging sessions. Those of a charger created a moment ago lie in the future and appear as
time goes by. OCPP 1.6 and 2.0.1 use their own actions and field names.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from ocpplab_graphql.sandbox.clock import shifted
from ocpplab_graphql.sandbox.store import ChargerHistory

__all__ = ["LogFilter", "Message", "log_window", "messages"]

HEARTBEAT_S = 300

_to_second = "%Y-%m-%dT%H:%M:%SZ"


class Message(NamedTuple):
    """One OCPP message, its frame as text."""

    direction: str
    action: str
    message: str
    timestamp: str


class LogFilter(NamedTuple):
    """What to keep; both ends are inclusive."""

    start: datetime | None
    end: datetime | None
    event: str | None

    def keeps(self, entry: Message) -> bool:
        """Whether a message is asked for."""
        if self.event is not None and entry.action != self.event:
            return False
        moment = datetime.strptime(entry.timestamp, _to_second).replace(tzinfo=UTC)
        return (self.start is None or moment >= self.start) and (self.end is None or moment <= self.end)


def log_window(
    charger: ChargerHistory | None, wanted: LogFilter, limit: int, offset: int, until: str
) -> bytes:
    """
    A window of a charger's messages, oldest first, as JSON. Nobody's charger has none.

    Source: gateway contract, H5.
    """
    entries = [] if charger is None else [e for e in messages(charger) if e.timestamp <= until]
    kept = [entry for entry in entries if wanted.keeps(entry)]
    rows = [entry._asdict() for entry in kept[offset : offset + limit]]
    tail = b',"total":%d,"limit":%d,"offset":%d}' % (len(kept), limit, offset)
    return b'{"data":' + msgspec.json.encode(rows) + tail


def messages(charger: ChargerHistory) -> list[Message]:
    """All messages, in order of time."""
    chance = hashlib.blake2b(f"{charger.charger}:{charger.identity}".encode(), digest_size=32).digest()
    wanted = 20 + chance[0] % 41
    entries: list[Message] = []
    for second, action, request, answer in _script(charger, chance):
        moment = shifted(charger.created_at, second)
        frame = f"{charger.charger}-{len(entries)}"
        entries.append(Message("cp_to_csms", action, _frame(2, frame, action, request), moment))
        entries.append(Message("csms_to_cp", action, _frame(3, frame, answer), moment))
        if len(entries) >= wanted:
            break
    return entries[:wanted]


def _frame(*parts: Any) -> str:
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


_Step = tuple[int, str, dict[str, Any], dict[str, Any]]


def _script(charger: ChargerHistory, chance: bytes) -> Iterator[_Step]:
    """What a charger says, without end: seconds since creation, action, request, answer."""
    speak = _Ocpp201(charger) if charger.ocpp_version == "OCPP2.0.1" else _Ocpp16(charger)
    yield (2, *speak.boot())
    for connector in range(1, charger.connectors + 1):
        yield (2 + connector, *speak.status(connector, "Available"))
    second, turn = 10, 0
    while True:
        for _ in range(1 + chance[1 + turn % 30] % 3):
            second += HEARTBEAT_S
            yield (second, "Heartbeat", {}, {"currentTime": shifted(charger.created_at, second)})
        connector = 1 + turn % charger.connectors
        power_w = (charger.max_power_w or 11_000) * (40 + chance[31 - turn % 30] % 55) // 100
        yield from _session(speak, second, turn, connector, power_w)
        second += 3 * HEARTBEAT_S
        turn += 1


def _session(
    speak: "_Ocpp16 | _Ocpp201", second: int, turn: int, connector: int, power_w: int
) -> Iterator[_Step]:
    yield (second + 20, *speak.status(connector, "Occupied"))
    yield (second + 31, *speak.authorize(turn))
    yield (second + 35, *speak.start(turn, connector, second + 35))
    for sample in range(1, 4):
        moment = second + 35 + 60 * sample
        yield (moment, *speak.meter(turn, connector, power_w, power_w * sample // 60, moment))
    yield (second + 280, *speak.stop(turn, connector, power_w * 4 // 60, second + 280))
    yield (second + 290, *speak.status(connector, "Available"))


_Said = tuple[str, dict[str, Any], dict[str, Any]]


class _Ocpp16:
    """The words of OCPP 1.6."""

    def __init__(self, charger: ChargerHistory) -> None:
        self._charger = charger

    def boot(self) -> _Said:
        request = {
            "chargePointVendor": self._charger.vendor or "unknown",
            "chargePointModel": self._charger.model or "unknown",
            "chargePointSerialNumber": self._charger.identity,
        }
        answer = {"currentTime": self._at(2), "interval": HEARTBEAT_S, "status": "Accepted"}
        return "BootNotification", request, answer

    def status(self, connector: int, status: str) -> _Said:
        told = "Preparing" if status == "Occupied" else status
        return (
            "StatusNotification",
            {"connectorId": connector, "errorCode": "NoError", "status": told},
            {},
        )

    def authorize(self, turn: int) -> _Said:
        return "Authorize", {"idTag": f"TAG{turn:05d}"}, {"idTagInfo": {"status": "Accepted"}}

    def start(self, turn: int, connector: int, second: int) -> _Said:
        request = {
            "connectorId": connector,
            "idTag": f"TAG{turn:05d}",
            "meterStart": 0,
            "timestamp": self._at(second),
        }
        return (
            "StartTransaction",
            request,
            {"idTagInfo": {"status": "Accepted"}, "transactionId": turn + 1},
        )

    def meter(self, turn: int, connector: int, power_w: int, energy_wh: int, second: int) -> _Said:
        sampled = [
            {"value": str(power_w), "measurand": "Power.Active.Import", "unit": "W"},
            {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        ]
        value = {"timestamp": self._at(second), "sampledValue": sampled}
        return "MeterValues", {"connectorId": connector, "transactionId": turn + 1, "meterValue": [value]}, {}

    def stop(self, turn: int, _connector: int, energy_wh: int, second: int) -> _Said:
        request = {
            "transactionId": turn + 1,
            "meterStop": energy_wh,
            "timestamp": self._at(second),
            "reason": "EVDisconnected",
        }
        return "StopTransaction", request, {}

    def _at(self, second: int) -> str:
        return shifted(self._charger.created_at, second)


class _Ocpp201:
    """The words of OCPP 2.0.1."""

    def __init__(self, charger: ChargerHistory) -> None:
        self._charger = charger

    def boot(self) -> _Said:
        station = {
            "vendorName": self._charger.vendor or "unknown",
            "model": self._charger.model or "unknown",
            "serialNumber": self._charger.identity,
        }
        answer = {"currentTime": self._at(2), "interval": HEARTBEAT_S, "status": "Accepted"}
        return "BootNotification", {"reason": "PowerUp", "chargingStation": station}, answer

    def status(self, connector: int, status: str) -> _Said:
        return (
            "StatusNotification",
            {"evseId": connector, "connectorId": 1, "connectorStatus": status},
            {},
        )

    def authorize(self, turn: int) -> _Said:
        token = {"idToken": f"TAG{turn:05d}", "type": "ISO14443"}
        return "Authorize", {"idToken": token}, {"idTokenInfo": {"status": "Accepted"}}

    def start(self, turn: int, connector: int, second: int) -> _Said:
        return self._transaction("Started", "CablePluggedIn", turn, connector, second)

    def meter(self, _turn: int, connector: int, power_w: int, energy_wh: int, second: int) -> _Said:
        sampled = [
            {"value": power_w, "measurand": "Power.Active.Import"},
            {"value": energy_wh, "measurand": "Energy.Active.Import.Register"},
        ]
        value = {"timestamp": self._at(second), "sampledValue": sampled}
        return "MeterValues", {"evseId": connector, "meterValue": [value]}, {}

    def stop(self, turn: int, connector: int, _energy_wh: int, second: int) -> _Said:
        return self._transaction("Ended", "EVCommunicationLost", turn, connector, second)

    def _transaction(self, event: str, reason: str, turn: int, connector: int, second: int) -> _Said:
        request = {
            "eventType": event,
            "triggerReason": reason,
            "timestamp": self._at(second),
            "transactionInfo": {"transactionId": f"{self._charger.charger}-{turn + 1}"},
            "evse": {"id": connector, "connectorId": 1},
        }
        return "TransactionEvent", request, {}

    def _at(self, second: int) -> str:
        return shifted(self._charger.created_at, second)
