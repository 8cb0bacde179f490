#!/usr/bin/env python3
"""Judges the room kernel by Synapse's own modules.

    PYTHON tests/judges/synapse_kernel.py GENERATOR [--versions 1-12] [--events 5000] [--mutants 200] [--seed 1] \
        [--report FILE]

PYTHON is an interpreter with the packages of requirements.txt beside this file, GENERATOR the built example of
core/room: `cargo build -p causeway-room --example generate_room` puts it into target/debug/examples. A short form is
one of the kernel's tests, `cargo xtask soak kernel` is the long one and writes the report.

One difference is known and counted apart: where a power levels event adds or removes one of the plain levels (`redact`,
`kick`, …), the kernel (ruma) counts the absent one as its default and may refuse, while Synapse passes it over.

For each room version it takes a random room from the generator and asks Synapse about every event in it: its id
(reference hash), content hash, signatures, and whether the auth rules allow it, also of the events that the kernel
refused; about every resolution of conflicting states; and about events spoilt on purpose, where both must come to the
same verdict (refused, used in redacted form, allowed). Exits with 1 and the first disagreements if there is any.
"""

import argparse
import datetime
import importlib.metadata
import json
import re
import subprocess
import sys

from signedjson.key import decode_verify_key_bytes
from signedjson.sign import verify_signed_json
from unpaddedbase64 import decode_base64

from synapse import event_auth
from synapse.api.constants import EventTypes
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, EventFormatVersions, StateResolutionVersions
from synapse.crypto.event_signing import check_event_content_hash, compute_event_reference_hash
from synapse.events.utils import prune_event
from synapse.synapse_rust.events import redact_event_dict
from synapse.federation.federation_base import event_from_pdu_json
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference
from synapse.types import get_domain_from_id

SHOWN = 20


def run(coroutine):
    """Runs a coroutine that never has to wait, since everything is in memory."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a coroutine waited for something")


class Clock:
    async def sleep(self, _duration):
        pass


class Room:
    """The accepted events of a room, as the stores that Synapse's modules ask."""

    def __init__(self, header):
        self.version = KNOWN_ROOM_VERSIONS[header["version"]]
        self.keys = {
            server: {key_id: decode_verify_key_bytes(key_id, decode_base64(key)) for key_id, key in keys.items()}
            for server, keys in header["keys"].items()
        }
        self.events = {}
        self.chains = {}
        self.numbers = []
        self.create = None

    def add(self, event):
        self.events[event.event_id] = event
        if event.type == EventTypes.Create:
            self.create = event
        # Auth chains as bits, the event itself included, as Synapse counts them.
        chain = 1 << len(self.numbers)
        for auth in event.auth_event_ids():
            chain |= self.chains[auth]
        self.numbers.append(event.event_id)
        self.chains[event.event_id] = chain

    def ids(self, bits):
        return {self.numbers[index] for index in range(bits.bit_length()) if bits >> index & 1}

    async def get_events(self, event_ids, **_options):
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}

    async def get_auth_chain_difference(self, _room_id, state_sets, conflicted, _additional):
        chains = []
        for ids in state_sets:
            chain = 0
            for event_id in ids:
                chain |= self.chains[event_id]
            chains.append(chain)
        union = intersection = chains[0]
        for chain in chains[1:]:
            union |= chain
            intersection &= chain
        return StateDifference(self.ids(union & ~intersection), self.subgraph(conflicted) if conflicted else None)

    def subgraph(self, conflicted):
        """Every event on a path of auth events between two conflicted ones, ends included."""
        below, bits = 0, 0
        for event_id in conflicted:
            below |= self.chains[event_id]
            bits |= 1 << self.numbers.index(event_id)
        return {event_id for event_id in self.ids(below) if self.chains[event_id] & bits}

    def check_signatures(self, event):
        """What synapse.federation.federation_base._check_sigs_on_pdu checks, with the keys of the header."""
        servers = {get_domain_from_id(event.sender)}
        if self.version.event_format == EventFormatVersions.ROOM_V1_V2:
            servers.add(get_domain_from_id(event.event_id))
        if self.version.restricted_join_rule and event.type == EventTypes.Member and event.membership == "join":
            if user := event.content.get("join_authorised_via_users_server"):
                servers.add(get_domain_from_id(user))
        redacted = redact_event_dict(self.version, event.get_pdu_json())
        redacted.pop("unsigned", None)
        for server in servers:
            keys = self.keys[server]
            known = [key_id for key_id in redacted["signatures"].get(server, {}) if key_id in keys]
            if not known:
                raise ValueError(f"not signed by {server}")
            for key_id in known:
                verify_signed_json(redacted, server, keys[key_id])

    def check_auth(self, event):
        event_auth.validate_event_for_room_version(event)
        run(event_auth.check_state_independent_auth_rules(self, event))
        auth_events = [self.events[event_id] for event_id in event.auth_event_ids()]
        event_auth.check_state_dependent_auth_rules(event, auth_events)

    def receive(self, pdu):
        """What Synapse does with an event that another server sent: gives the verdict, or raises the refusal."""
        event = event_from_pdu_json(pdu, self.version)
        self.check_signatures(event)
        verdict = "allowed"
        if not check_event_content_hash(event):
            event, verdict = prune_event(event), "redacted"
        self.check_auth(event)
        return verdict

    def resolve(self, states):
        maps = [{(self.events[i].type, self.events[i].state_key): i for i in ids} for ids in states]
        room_id = self.create.room_id
        if self.version.state_res == StateResolutionVersions.V1:
            answer = v1.resolve_events_with_store(room_id, self.version, maps, None, self.get_events)
        else:
            answer = v2.resolve_events_with_store(Clock(), room_id, self.version, maps, None, self)
        return set(run(answer).values())


class Judge:
    def __init__(self):
        self.disagreements = []
        self.counts = dict.fromkeys(
            ("allowed", "refused", "merges", "mutants refused", "mutants taken", "absent levels"), 0
        )
        self.room = None

    def differ(self, what, theirs, line):
        self.disagreements.append(f"version {self.room.version.identifier}: {what}; Synapse: {theirs}; {json.dumps(line)}")

    def line(self, line):
        getattr(self, line["kind"])(line)

    def event(self, line):
        room, pdu = self.room, line["pdu"]
        event = None
        try:
            event = event_from_pdu_json(json.loads(json.dumps(pdu)), room.version)
            if event.event_id != line["id"]:
                self.differ("event id", event.event_id, line)
            self.check_references(pdu)
            if not check_event_content_hash(event):
                self.differ("content hash", "wrong", line)
            room.check_signatures(event)
        except Exception as error:
            self.differ("event's form", repr(error), line)
        try:
            room.check_auth(event)
            allowed, reason = True, None
        except Exception as error:
            allowed, reason = False, repr(error)
        if allowed and not line["allowed"] and self.counts_absent_level(event, line["reason"]):
            self.counts["absent levels"] += 1
        elif allowed != line["allowed"]:
            self.differ("auth", reason or "allowed", line)
        self.counts["allowed" if line["allowed"] else "refused"] += 1
        if line["allowed"]:
            room.add(event)

    def counts_absent_level(self, event, reason):
        """Whether the kernel refuses a change between a level that is written and one that is not."""
        level = re.fullmatch("sender does not have enough power to change the power level of `(.*)`", reason)
        if not level or event.type != EventTypes.PowerLevels:
            return False
        auth_events = [self.room.events[event_id] for event_id in event.auth_event_ids()]
        before = [auth.content for auth in auth_events if auth.type == EventTypes.PowerLevels]
        return len(before) == 1 and (level[1] in before[0]) != (level[1] in event.content)

    def check_references(self, pdu):
        """In room versions 1 and 2 the hashes written beside references are those of the events."""
        if self.room.version.event_format != EventFormatVersions.ROOM_V1_V2:
            return
        for event_id, hashes in pdu["auth_events"] + pdu["prev_events"]:
            _, expected = compute_event_reference_hash(self.room.events[event_id])
            if decode_base64(hashes["sha256"]) != expected:
                raise ValueError(f"wrong reference hash of {event_id}")

    def merge(self, line):
        theirs, ours = self.room.resolve(line["states"]), set(line["resolved"])
        self.counts["merges"] += 1
        if theirs != ours:
            self.differ(f"resolution, we have {sorted(ours - theirs)}", sorted(theirs - ours), {"kind": "merge"})

    def mutant(self, line):
        try:
            verdict, reason = self.room.receive(json.loads(json.dumps(line["pdu"]))), None
        except Exception as error:
            verdict, reason = "refused", repr(error)
        if verdict != line["verdict"]:
            self.differ(f"mutant «{line['name']}» is {line['verdict']}", reason or verdict, line)
        self.counts["mutants refused" if line["verdict"] == "refused" else "mutants taken"] += 1


def versions(text):
    first, _, last = text.partition("-")
    return [str(version) for version in range(int(first), int(last or first) + 1)]


REPORT = """# The room kernel, judged by Synapse

`cargo xtask soak kernel` on {date}, seed {seed}: Synapse {synapse}'s own modules were asked about every event of one
random room per room version, until the room had {events} allowed events. For each they computed the id (reference hash), the content
hash, checked the signatures and ran the auth rules, also for the events that the kernel had refused; they resolved
the same conflicting states (v1, v2 and v2.1); and they judged {mutants} events per version that were spoilt on purpose, where «the same»
means refused by both, taken in redacted form by both, or allowed by both.

| room version | allowed by both | refused by us | states resolved alike | mutants refused by both | mutants taken alike | absent levels | disagreements |
|---|---|---|---|---|---|---|---|
{rows}

«Absent levels» are among those that we refuse and Synapse allows: the event adds or removes one of the plain levels (`redact`, `kick`, …), the
kernel counts the absent one as its default, as ruma does, and the sender has less; Synapse passes an absent level over. The
specification can be read both ways. Everything else counts as a disagreement.

What this does not show: rooms with servers that lie about their history, and keys that expire.
"""


def report(options, judged):
    rows = []
    for version, judge in judged:
        rows.append(f"| {version} | " + " | ".join(map(str, [*judge.counts.values(), len(judge.disagreements)])) + " |")
    with open(options.report, "w") as file:
        file.write(REPORT.format(
            date=datetime.date.today(), seed=options.seed, synapse=importlib.metadata.version("matrix-synapse"),
            events=options.events, mutants=options.mutants, rows="\n".join(rows),
        ))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("generator")
    parser.add_argument("--versions", type=versions, default=versions("1-12"))
    parser.add_argument("--events", default="5000")
    parser.add_argument("--mutants", default="200")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--report", help="write the counts here, as Markdown")
    options = parser.parse_args()
    failed = False
    judged = []
    for version in options.versions:
        judge = Judge()
        command = [options.generator, version, options.events, options.mutants, options.seed]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as generator:
            for text in generator.stdout:
                line = json.loads(text)
                if line["kind"] == "room":
                    judge.room = Room(line)
                else:
                    judge.line(line)
        failed |= bool(judge.disagreements) or generator.returncode != 0
        judged.append((version, judge))
        counts = ", ".join(f"{count} {what}" for what, count in judge.counts.items())
        print(f"version {version}: {len(judge.disagreements)} disagreements; {counts}", flush=True)
        for disagreement in judge.disagreements[:SHOWN]:
            print("  " + disagreement[:1500])
    if options.report and not failed:
        report(options, judged)
    sys.exit(failed)


if __name__ == "__main__":
    main()
