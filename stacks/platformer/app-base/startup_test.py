"""startup.sh against a real repository: text in, text out.

Run it with `python3 -B -m unittest startup_test` in this folder.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTUP = Path(__file__).with_name("startup.sh")

# Shows what an app gets to see.
APP = b'printf "GREETING=%s\\n" "$GREETING"; pwd >&2; ls -A >&2\n'
SUM = hashlib.sha256(APP).hexdigest()
GOOD = f'ARTEFACT=app.sh\nARTEFACT_SHA256={SUM}\nSTARTUP_COMMAND="sh app.sh"\n'
CONFIG = "/config/demo/demo.config"


class Repository(ThreadingHTTPServer):
    """Serves `files` by path; a list of statuses is answered one by one."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.failures = []
        # A short poll: that is how long its end takes.
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.files.get(self.path)
        status = 404 if body is None else 200
        if self.server.failures:
            status = self.server.failures.pop(0)
        body = body if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def files(config, app=APP):
    return {CONFIG: config.encode(), "/artefacts/demo/app.sh": app}


class Startup(unittest.TestCase):
    def setUp(self):
        self.place = Path(tempfile.mkdtemp(prefix="startup-"))
        self.addCleanup(shutil.rmtree, self.place)

    def serve(self, content):
        repository = Repository(content)
        self.addCleanup(repository.server_close)
        self.addCleanup(repository.shutdown)
        return repository

    def start(self, *arguments, **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "OUT": str(self.place),
            "STARTUP_LIMIT": "10",
            **variables,
        }
        # A shell cannot trap what it was told to ignore, as whatever a script
        # starts in the background is.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            ["sh", str(STARTUP), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_with(self, config, app=APP):
        """Starts `demo` with a config; what it ends with, and what it said."""
        repository = self.serve(files(config, app))
        process = self.start("demo", repository.address)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err.replace(repository.address, "REPOSITORY")

    def check_refused(self, config, code, words):
        ended, out, err = self.run_with(config)
        self.assertEqual((ended, out), (code, ""), err)
        self.assertIn(f"startup: {words}", err)
        self.assertEqual(os.listdir(self.place), [], "something is left")

    def test_the_config_is_in_the_environment_of_the_app(self):
        code, out, err = self.run_with(GOOD + 'GREETING="hello world"\n')
        self.assertEqual((code, out), (0, "GREETING=hello world\n"), err)
        first, place, *left = err.splitlines()
        self.assertEqual(first, f"startup: demo is app.sh, {SUM[:12]}: sh app.sh")
        self.assertTrue(place.startswith(f"{self.place}/demo."), place)
        self.assertEqual(left, ["app.sh"])

    def test_a_value_means_nothing_to_a_shell(self):
        for value in ["$(touch x)", "`id`", "a;b", "$HOME 'x' \\n", "a=b", "*", "a\"b"]:
            with self.subTest(value):
                code, out, err = self.run_with(f"{GOOD}GREETING={value}\n")
                self.assertEqual((code, out), (0, f"GREETING={value}\n"), err)

    def test_comments_empty_lines_and_foreign_line_ends_are_nothing(self):
        config = "# what it is\n\n" + GOOD + "GREETING=hi"
        code, out, err = self.run_with(config.replace("\n", "\r\n"))
        self.assertEqual((code, out), (0, "GREETING=hi\n"), err)

    def test_the_command_is_split_at_blanks_and_nothing_is_expanded(self):
        app = b'printf "<%s>" "$@"\n'
        total = hashlib.sha256(app).hexdigest()
        config = f"ARTEFACT=app.sh\nARTEFACT_SHA256={total}\nSTARTUP_COMMAND=sh app.sh  * $HOME 'a b'\n"
        code, out, err = self.run_with(config, app)
        self.assertEqual((code, out), (0, "<*><$HOME><'a><b'>"), err)

    def test_a_line_that_says_nothing_is_named(self):
        self.check_refused(
            "# one\nfoo bar\n" + GOOD, 78, "config/demo/demo.config:2: no `NAME=value`: foo bar"
        )

    def test_names_that_no_variable_can_have_are_named(self):
        for line, words in [
            ("a-b=1", "`a-b` cannot be a variable's name"),
            ("1A=1", "`1A` cannot be a variable's name"),
            ("=1", "`` cannot be a variable's name"),
            ("PORT=80", "PORT is not the app's to set"),
            ("ARTEFACT=x", "ARTEFACT is set twice"),
            ('A="x', "a quotation mark without its other one"),
        ]:
            with self.subTest(line):
                self.check_refused(f"{GOOD}{line}\n", 78, f"config/demo/demo.config:4: {words}")

    def test_a_config_without_what_it_needs_is_named(self):
        for name in ["ARTEFACT", "ARTEFACT_SHA256", "STARTUP_COMMAND"]:
            with self.subTest(name):
                lines = [it for it in GOOD.splitlines() if not it.startswith(f"{name}=")]
                self.check_refused(
                    "\n".join(lines) + "\n", 78, f"config/demo/demo.config:1: it says no {name}"
                )

    def test_an_artefact_has_a_plain_name(self):
        for artefact in ["../demo.sh", ".config", "a b"]:
            with self.subTest(artefact):
                config = GOOD.replace("app.sh\n", f"{artefact}\n", 1)
                words = f"config/demo/demo.config: `{artefact}` cannot be the name of an artefact"
                self.check_refused(config, 78, words)

    def test_another_artefact_is_not_started(self):
        config = GOOD.replace(SUM, "0" * 64)
        words = f"artefacts/demo/app.sh: its SHA-256 is {SUM}, and config/demo/demo.config says 000"
        self.check_refused(config, 65, words)

    def test_a_missing_artefact_is_named(self):
        config = GOOD.replace("app.sh", "gone.sh", 1)
        words = "http://REPOSITORY/artefacts/demo/gone.sh: there is no such artefact"
        self.check_refused(config, 66, words)

    def test_a_missing_config_is_named(self):
        repository = self.serve({})
        process = self.start("demo", repository.address)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 66)
        self.assertIn(f"http://{repository.address}{CONFIG}: there is no such config", err)

    def test_a_program_that_is_not_installed_is_named(self):
        config = GOOD.replace("sh app.sh", "no-such-program app.sh")
        words = "config/demo/demo.config: the STARTUP_COMMAND's `no-such-program` is not installed"
        self.check_refused(config, 127, words)

    def test_names_and_repositories_come_from_the_environment_too(self):
        repository = self.serve(files(GOOD + "GREETING=hi\n"))
        url = f"http://{repository.address}/"
        process = self.start(APP="demo", REPOSITORY_URL=url)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (0, "GREETING=hi\n"), err)

    def test_a_release_has_a_config_of_its_own(self):
        content = files(GOOD + "GREETING=one\n")
        content["/config/demo/demo-2.config"] = (GOOD + "GREETING=two\n").encode()
        repository = self.serve(content)
        for release, greeting in [("", "one"), ("2", "two")]:
            process = self.start("demo", repository.address, RELEASE=release)
            out, err = process.communicate(timeout=30)
            self.assertEqual((process.returncode, out), (0, f"GREETING={greeting}\n"), err)
        process = self.start("demo", repository.address, RELEASE="../2")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 64, err)
        self.assertIn("`../2` names no release", err)

    def test_it_says_what_it_is_to_be_called_with(self):
        for arguments, words in [
            ([], "which app?"),
            (["demo"], "which repository?"),
            (["../demo", "r"], "`../demo` names no app"),
            (["a", "b", "c"], "usage: "),
        ]:
            with self.subTest(arguments):
                process = self.start(*arguments)
                _, err = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 64, err)
                self.assertIn(words, err)

    def test_a_repository_that_is_not_ready_is_asked_again(self):
        repository = self.serve(files(GOOD + "GREETING=late\n"))
        repository.failures = [503, 502]
        process = self.start("demo", repository.address)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (0, "GREETING=late\n"), err)
        waits = [line for line in err.splitlines() if "; again in " in line]
        self.assertEqual(len(waits), 2, err)
        self.assertIn(f"{CONFIG}: it answers 503; again in 0.200 s, for ", waits[0])
        self.assertIn("it answers 502; again in 0.400 s, for ", waits[1])

    def test_a_repository_that_never_answers_is_given_up(self):
        process = self.start("demo", nobody(), STARTUP_LIMIT="1")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 69, err)
        self.assertIn("; again in 0.200 s, for ", err)
        self.assertIn("gave up after 1 s: curl: (7)", err)
        self.assertEqual(os.listdir(self.place), [])

    def test_term_ends_a_wait_at_once_and_leaves_nothing(self):
        for number, code in [(signal.SIGTERM, 143), (signal.SIGINT, 130)]:
            process = self.start("demo", nobody(), STARTUP_LIMIT="1000")
            self.addCleanup(process.kill)
            # It has begun to wait.
            self.assertIn("; again in ", process.stderr.readline())
            process.send_signal(number)
            process.communicate(timeout=10)
            self.assertEqual(process.returncode, code)
            self.assertEqual(os.listdir(self.place), [])

    def test_the_app_takes_its_place_and_gets_its_signals(self):
        app = b"trap 'echo ended; exit 7' TERM; echo $$; while :; do sleep 0.05; done\n"
        total = hashlib.sha256(app).hexdigest()
        repository = self.serve(files(GOOD.replace(SUM, total), app))
        process = self.start("demo", repository.address)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), f"{process.pid}\n")
        process.terminate()
        out, _ = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out), (7, "ended\n"))


def nobody():
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


if __name__ == "__main__":
    unittest.main()
