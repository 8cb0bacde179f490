"""Waiting for conditions; what was last seen is said when they don't come."""

import asyncio
import time

LIMIT = 60


async def until(what, holds):
    """Asks again until the answer is true; `holds` may also say with an AssertionError why not yet."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            answer = holds()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            seen = answer
        except AssertionError as error:
            seen = error
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {LIMIT} s for {what}: {seen}")
        await asyncio.sleep(0.02)
