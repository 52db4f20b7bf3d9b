#!/usr/bin/env python3
"""kill -9 at every statement boundary of a backfill, also between COMMIT sent and answered; see kill_statements.sh.

A proxy between program and server counts what the program sends after the backfill has begun. At number k it kills the
program: before the message reaches the server ("sent"), or when the answer is there and not delivered ("answered"). A run
without the proxy then ends the work; every row must have been written exactly once.

  kill_statements.py PROGRAM FOLDER HOST PORT STEP    the project in FOLDER takes host and port from $DATABASE
"""
import os
import signal
import socket
import subprocess
import sys
import threading


class Proxy:
    def __init__(self, host, port):
        self.target = (host, port)
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.count, self.at, self.answered, self.process = 0, 0, False, None
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self, at, answered):
        self.count, self.at, self.answered, self.process = 0, at, answered, None

    def accept(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(self.target)
            turn = {"kill": False}
            threading.Thread(target=self.pump, args=(client, server, turn, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, turn, False), daemon=True).start()

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)

    def pump(self, source, to, turn, is_request):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if is_request:
                    with self.lock:
                        self.count += 1
                        due = self.count == self.at
                    if due and not self.answered:
                        self.kill()
                        break
                    turn["kill"] = due
                elif turn["kill"]:
                    self.kill()
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


def main():
    program, folder, host, port, step = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    proxy = Proxy(host, port)
    at, kills, name = 1, 0, 0
    while True:
        ended = True
        for answered in (False, True):
            name += 1
            with open(f"{folder}/migrations/backfills/fill.lua", encoding="utf-8") as file:
                text = file.read()
            with open(f"{folder}/migrations/backfills/fill{name}.lua", "w", encoding="utf-8") as file:
                file.write(text)
            proxy.begin(at, answered)
            environment = dict(os.environ, DATABASE=f"127.0.0.1:{proxy.port}")
            process = subprocess.Popen([program, "-q", "backfill", "run", f"fill{name}"], cwd=folder, env=environment)
            proxy.process = process
            if process.wait(60) < 0:
                kills += 1
                ended = False
                environment["DATABASE"] = f"{host}:{port}"
                subprocess.run([program, "-q", "backfill", "run", f"fill{name}"], cwd=folder, env=environment, check=True,
                               timeout=60)
            elif process.returncode != 0:
                sys.exit(f"run {name} ended with {process.returncode}")
            counts = subprocess.run(["psql", "-XAtqc", "SELECT count(*), min(counter), max(counter) FROM people",
                                     os.environ["URL"]], check=True, capture_output=True, text=True).stdout.strip()
            if counts != f"300|{name}|{name}":
                sys.exit(f"message {at}, answered {answered}: expected every counter at {name}, found {counts}")
        if ended:
            break
        at += step
    if kills < 10:
        sys.exit(f"only {kills} kills: the proxy is not in between")
    print(f"{kills} kills, each row once every time")


main()
