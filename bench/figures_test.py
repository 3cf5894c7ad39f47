#!/usr/bin/env python3
"""Page, short table and picture: of made-up results, and of the recorded ones."""
import copy
import unittest
import xml.etree.ElementTree

import figures
import picture
import results as r
import table

MACHINE = {"cpu": "a CPU", "qemu": "7.2.22 (Debian)", "accelerator": "tcg", "guest_cpu": "max", "vcpus": 1}
RESULTS = {
    "format": 1,
    "machine": MACHINE,
    "linux_guest": {"measured": "in this run", "kernel": "6.1", "machine": MACHINE, "command_line": "quiet",
                    "tuned_command_line": "quiet fast"},
    "figures": [
        {"group": "Boot", "label": "ready", "unit": "guest instructions", "enclave": {"plain": 50085}, "linux": {},
         "aim": 3000000, "brief": True},
        {"group": "Calls", "label": "`getppid` <now>", "unit": "guest instructions",
         "enclave": {"plain": 101.0, "sim-sev": 102.5}, "linux": {"default": 357.0, "tuned": 340.0}, "brief": True,
         "note": "with its wrapper"},
        {"group": "Calls", "label": "fork", "unit": "guest instructions", "enclave": {"plain": None},
         "linux": {"default": 1248441584}, "brief": True},
        {"group": "Calls", "label": "a child", "unit": "KiB", "enclave": {"plain": 8.25}, "linux": {"default": 76.0}},
        {"group": "Computing", "label": "SQL", "unit": "guest instructions", "enclave": {"plain": 1010},
         "linux": {"default": 1000}, "aim_of_linux": 1.02},
    ],
}


def row(ours, linux):
    return {"unit": "guest instructions", "enclave": {"plain": ours}, "linux": {"default": linux}}


class Words(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual([r.number(x) for x in (61.0, 72.96, 127.2, 2611, 1248441584)],
                         ["61", "73.0", "127", "2,611", "1,248,441,584"])

    def test_cells(self):
        self.assertEqual(r.cell(RESULTS["figures"][0], "linux", "default"), "")
        self.assertEqual(r.cell(RESULTS["figures"][2], "enclave", "plain"), "not yet")
        self.assertEqual(r.cell(RESULTS["figures"][1], "enclave", "sim-sev"), "102")

    def test_comparisons(self):
        self.assertEqual(r.ratio(row(101, 357)), "3.5 times less")
        self.assertEqual(r.ratio(row(400_000, 1_250_000_000)), "3,125 times less")
        self.assertEqual(r.ratio(row(1010, 1000)), "1.010 of Linux")
        self.assertEqual(r.ratio(row(3000, 1000)), "3.0 times more")
        rate = row(1500, 500) | {"unit": "requests/s", "least_of_linux": 3}
        self.assertEqual((r.ratio(rate), r.aim(rate)), ("3.0 times as many", "at least 3 times as many"))
        self.assertEqual(r.ratio(row(None, 1000)), "")


class Rendering(unittest.TestCase):
    def test_page(self):
        page = table.page(RESULTS)
        self.assertIn("| ready | 50,085 |  |  |  |  | at most 3,000,000 |", page)
        self.assertIn("| `getppid` <now> [1] | 101 | 102 | 357 | 340 | 3.5 times less |  |", page)
        self.assertIn("[1] with its wrapper", page)
        self.assertIn("| fork | not yet |  | 1,248,441,584 |  |  |  |", page)
        self.assertIn("| a child (KiB) | 8.2 |", page)
        self.assertIn("1.010 of Linux | at most 1.02 of Linux |", page)
        self.assertIn("measured on: a CPU, QEMU 7.2.22 (Debian)", page)

    def test_short_table_has_the_brief_rows_only(self):
        self.assertEqual(len(table.short(RESULTS).splitlines()), 2 + 3)

    def test_picture_is_xml_and_says_not_yet(self):
        drawn = picture.picture(RESULTS)
        xml.etree.ElementTree.fromstring(drawn)
        self.assertIn("not yet", drawn)
        self.assertIn("getppid &lt;now&gt;", drawn)
        self.assertNotIn("ready", drawn)  # nothing to compare it with

    def test_other_formats_are_refused(self):
        other = copy.deepcopy(RESULTS)
        other["format"] = 2
        with self.assertRaises(ValueError):
            r.check(other, "a file")


class Recorded(unittest.TestCase):
    def test_documentation_says_what_was_recorded(self):
        for path, text in figures.recorded_files().items():
            self.assertEqual(path.read_text(encoding="utf-8"), text, f"{path.name}: run bench/figures.py --record")

    def test_recorded_results_are_complete(self):
        results = r.load()
        for figure in results["figures"]:
            # Of some things only one of the two worlds has a counterpart.
            self.assertTrue("plain" in figure["enclave"] or "default" in figure["linux"], figure["label"])
            for arm, value in figure["linux"].items():
                self.assertIsNotNone(value, f"{figure['label']}, Linux guest, {arm}")
        self.assertEqual(results["linux_guest"]["measured"], "in this run")


if __name__ == "__main__":
    unittest.main()
