"""A mail server that keeps what it takes: each mail is a file of JSON in a folder, in the order in which they came.

Arguments, as one JSON object: port, folder; user and password where it wants them; certificate and key where it offers STARTTLS and
takes no mail without it, with `whole` TLS from the first byte on. What is for full@… it refuses.
"""

import asyncio
import email
import email.policy
import itertools
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("full@"):
            return "452 4.2.2 this mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "from": str(message["From"]),
            "to": str(message["To"]),
            "subject": str(message["Subject"]),
            "hello": session.host_name,
            "encrypted": session.ssl is not None,
            "authenticated": session.authenticated,
            "text": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
        }
        path = os.path.join(self.folder, f"{next(self.numbers)}.json")
        with open(path + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(path + ".part", path)
        return "250 OK"


def main():
    arguments = json.loads(sys.argv[1])
    keeper = Keeper(arguments["folder"])
    options, whole = {"hostname": "mail.test"}, None
    if "user" in arguments:
        pair = (arguments["user"].encode(), arguments["password"].encode())

        def judge(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login, data.password) == pair, handled=False)

        options |= {"authenticator": judge, "auth_required": True}
    if "certificate" in arguments:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments["certificate"], arguments["key"])
        if arguments.get("whole"):
            whole = context
            # aiosmtpd knows of no TLS but STARTTLS.
            options["auth_require_tls"] = False
        else:
            options |= {"tls_context": context, "require_starttls": True}

    async def serve():
        loop = asyncio.get_running_loop()
        make = lambda: SMTP(keeper, loop=loop, **options)
        server = await loop.create_server(make, "127.0.0.1", arguments["port"], ssl=whole)
        await server.serve_forever()

    asyncio.run(serve())


main()
