"""Counts the test cases of a Bazel run: test_summary.py LABELS BUILD_EVENTS.

LABELS lists the tests that should have run, BUILD_EVENTS is what --build_event_json_file wrote. A test that was not
built, crashed, timed out or left no XML counts as one failed test case.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote, urlparse


def read_results(path):
    """The last result of every shard of every test: {label: [{"status", "xml"}]}."""
    results = {}
    try:
        lines = open(path, encoding="utf-8").readlines()
    except FileNotFoundError:  # Bazel did not even start
        return results
    for line in lines:
        event = json.loads(line)
        name = event["id"].get("testResult")
        if name is None or "testResult" not in event:
            continue
        outputs = {output["name"]: output.get("uri") for output in event["testResult"].get("testActionOutput", [])}
        shards = results.setdefault(name["label"], {})
        shards[name.get("shard", 0)] = {"status": event["testResult"]["status"], "xml": outputs.get("test.xml")}
    return {label: list(shards.values()) for label, shards in results.items()}


def count_cases(label, result):
    """Numbers of passed and skipped test cases, and the names of failed ones."""
    passed, skipped, failed = 0, 0, []
    try:
        root = ElementTree.parse(unquote(urlparse(result["xml"]).path)).getroot()
    except (OSError, TypeError, ElementTree.ParseError):
        return 0, 0, [f"{label}: {result['status']} without results"]
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{label}: {case.get('classname', '')}.{case.get('name')}")
        elif case.find("skipped") is not None:
            skipped += 1
        elif case.get("status") != "notrun":  # DISABLED_ tests
            passed += 1
    if result["status"] != "PASSED" and not failed:  # died after its last case, or timed out
        failed.append(f"{label}: {result['status']}")
    return passed, skipped, failed


def main(labels_path, events_path):
    results = read_results(events_path)
    passed, skipped, failed = 0, 0, []
    for label in open(labels_path, encoding="utf-8").read().split():
        if label not in results:
            failed.append(f"{label}: not built")
        for result in results.get(label, []):
            more_passed, more_skipped, more_failed = count_cases(label, result)
            passed += more_passed
            skipped += more_skipped
            failed += more_failed
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
