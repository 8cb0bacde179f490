"""heisenbridge without its own flood control, which has no key in its config: a thousand lines would take it 25 minutes."""

import asyncio
import runpy

from heisenbridge import irc


class Unthrottled:
    """`asyncio` as heisenbridge.irc sees it: only the pause between two lines sent is gone."""

    @staticmethod
    async def sleep(_):
        await asyncio.sleep(0)

    def __getattr__(self, name):
        return getattr(asyncio, name)


irc.asyncio = Unthrottled()
runpy.run_module("heisenbridge", run_name="__main__")
