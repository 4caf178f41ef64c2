"""Cases of the suites that are written in Python: each is a line of JSON on stdout. Settings come as JSON on stdin."""
import json
import sys

settings = json.load(sys.stdin)


def say(**what):
    print(json.dumps(what), flush=True)


def case(name):
    """Runs the decorated function at once, with what it throws as its finding."""

    def run(function):
        findings = []
        try:
            function()
        except Exception as error:  # whatever it is, it is what the case found
            findings.append(f"{type(error).__name__}: {error}"[:500])
        say(case=name, findings=findings)
        return function

    return run


def equal(actual, wanted, what):
    if actual != wanted:
        raise AssertionError(f"expected {what} to be {wanted!r}, and it is {actual!r}")


def refused(error_class, attempt, read, wanted):
    """Expects an exception of a class, and a value of it."""
    try:
        attempt()
    except error_class as error:
        equal(read(error), wanted, "the error")
        return error
    raise AssertionError(f"expected {wanted!r}, and it succeeded")
