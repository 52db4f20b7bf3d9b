#!/usr/bin/env python3
"""kill -9 at every statement boundary of a backfill, also between COMMIT sent and answered; or only its connection lost
there. See kill_statements.sh.

A proxy between program and server counts what the program sends. At number k it strikes: before the message reaches the
server ("sent"), or when the answer is there and not delivered ("answered"). Whatever the step, it strikes at the first
COMMIT of a batch as well. A killed program is run again, without the
proxy. One that has lost a connection, after its first checkpoint, must end the work by itself. Every row must have been
written exactly once, and the backfill must be done.

  kill_statements.py PROGRAM FOLDER HOST PORT STEP kill|cut    the project in FOLDER takes host and port from $DATABASE
"""
import os
import signal
import socket
import subprocess
import sys
import threading


CHECKPOINT = b"SET cursor_key"
COMMIT = "COMMIT"  # instead of a number: the first one behind a checkpoint


class Proxy:
    def __init__(self, host, port):
        self.target = (host, port)
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.begin(0, False, True)
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self, at, answered, kills):
        self.count, self.at, self.answered, self.kills, self.process = 0, at, answered, kills, None
        self.counts, self.struck = kills, False  # whether messages count yet; whether it has struck
        self.has_checkpoint = False

    def is_due(self, data):
        """The message is the one to strike at. Under the lock."""
        self.has_checkpoint = self.has_checkpoint or CHECKPOINT in data
        self.counts = self.counts or self.has_checkpoint
        self.count += self.counts
        if self.struck:
            return False
        if self.at == COMMIT:
            return self.has_checkpoint and COMMIT.encode() in data
        return self.count == self.at

    def accept(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(self.target)
            turn = {"kill": False}
            threading.Thread(target=self.pump, args=(client, server, turn, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, turn, False), daemon=True).start()

    def strike(self):
        self.struck = True
        if self.kills and self.process:
            self.process.send_signal(signal.SIGKILL)

    def pump(self, source, to, turn, is_request):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if is_request:
                    with self.lock:
                        due = self.is_due(data)
                    if due and not self.answered:
                        self.strike()
                        break
                    turn["kill"] = due
                elif turn["kill"]:
                    self.strike()
                    break
                to.sendall(data)
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)  # close() alone waits for the other thread's recv()
                end.close()
            except OSError:
                pass


def ask(sql):
    return subprocess.run(["psql", "-XAtqc", sql, os.environ["URL"]], check=True, capture_output=True,
                          text=True).stdout.strip()


def write_definition(folder, name):
    with open(f"{folder}/migrations/backfills/fill.lua", encoding="utf-8") as file:
        text = file.read()
    with open(f"{folder}/migrations/backfills/{name}.lua", "w", encoding="utf-8") as file:
        file.write(text)


def main():
    program, folder, host, port, step = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    kills = sys.argv[6] == "kill"
    proxy = Proxy(host, port)
    at, strikes, number = COMMIT, 0, 0
    through, around = (dict(os.environ, DATABASE=place) for place in (f"127.0.0.1:{proxy.port}", f"{host}:{port}"))
    while True:
        ended = True
        for answered in (False, True):
            number += 1
            name = f"fill{number}"
            write_definition(folder, name)
            proxy.begin(at, answered, kills)
            process = subprocess.Popen([program, "-q", "backfill", "run", name], cwd=folder, env=through)
            proxy.process = process
            code = process.wait(60)
            if kills and code < 0:
                subprocess.run([program, "-q", "backfill", "run", name], cwd=folder, env=around, check=True, timeout=60)
            elif code != 0:
                sys.exit(f"message {at}, answered {answered}: run {number} ended with {code}")
            if proxy.struck:
                strikes += 1
                ended = False
            counts = ask("SELECT count(*), min(counter), max(counter) FROM people")
            if counts != f"300|{number}|{number}":
                sys.exit(f"message {at}, answered {answered}: expected every counter at {number}, found {counts}")
            state = ask(f"SELECT observed, rows_done, (SELECT count(*) FROM moonbird_backfill_log l WHERE l.backfill = name"
                        f" AND event = 'finished') FROM moonbird_backfill WHERE name = '{name}'")
            if state != "done|300|1":
                sys.exit(f"message {at}, answered {answered}: state, rows, ends in the log: {state}")
        if at == COMMIT and strikes != 2:
            sys.exit("no COMMIT was seen behind a checkpoint")
        if ended:
            break
        at = 1 if at == COMMIT else at + step
    if strikes < 10 // step + 2:
        sys.exit(f"only {strikes} strikes: the proxy is not in between")
    print(f"{strikes} times {'killed' if kills else 'cut off'}, each row once every time")


main()
