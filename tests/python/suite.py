"""Runs test_*.py (or those named) and prints one line per test and the counts. Started by ./run."""
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)


class Result(unittest.TextTestResult):
    def startTest(self, test):
        self.began = time.monotonic()
        unittest.TestResult.startTest(self, test)

    def line(self, word, test):
        print("%-7s %s (%.1f s)" % (word, test.id(), time.monotonic() - self.began), flush=True)

    def addSuccess(self, test):
        self.passed = getattr(self, "passed", 0) + 1
        self.line("ok", test)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self.line("FAILED", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        self.line("FAILED", test)


class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, suite):
        result = Result(self.stream, self.descriptions, 0)
        suite(result)
        return result


names = [n[:-3] if n.endswith(".py") else n for n in sys.argv[1:]]
loader = unittest.defaultTestLoader
suite = loader.loadTestsFromNames(names) if names else loader.discover(HERE, "test_*.py")
result = Runner(verbosity=0).run(suite)
for test, text in result.failures + result.errors:
    print("\n%s\n%s" % (test, text))
failed = len(result.failures) + len(result.errors)
print("%d passed, %d failed, %d skipped" % (getattr(result, "passed", 0), failed, len(result.skipped)))
sys.exit(1 if failed or not getattr(result, "passed", 0) else 0)
