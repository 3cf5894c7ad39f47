"""The results as Markdown: docs/figures.md, and the short table in the top README."""
import results as r

COLUMNS = [("Enclavisor, plain", "enclave", "plain"), ("Enclavisor, sim-sev", "enclave", "sim-sev"),
           ("Linux guest", "linux", "default"), ("Linux guest, tuned", "linux", "tuned")]


def page(results):
    linux = results["linux_guest"]
    out = ["# Figures", "",
           "Made from `bench/recorded.json` by `make bench-record`; do not edit. `make bench` measures again and prints",
           "the same table to `build/bench/figures.md`.", "",
           "All but the last two groups are counts of guest instructions: under QEMU's `-icount` the guest's clock advances by one",
           "with each instruction, so that the counts repeat on any machine and under any load. They leave out caches and",
           "address translation, and an instruction that exits to QEMU counts as one. Memory is in KiB. Servers and round trips are in",
           "wall time, without `-icount`, round trips beside the instructions that each side executes for one when it need",
           "not wait for the other; the host's are counted by single-stepping, a system call as one.", "",
           f"- Enclavisor measured on: {r.on_machine(results['machine'])}",
           f"- Linux guest measured on: {r.on_machine(linux['machine'])} ({linux['measured']})",
           f"- Linux guest: {linux['kernel']}, the programs in an initramfs, `{linux['command_line']}`",
           f"- tuned: `{linux['tuned_command_line']}`", "",
           "The programs are the same executables in both worlds, each in a machine of its own. The comparison is of the",
           "platform plain with the Linux guest as Debian configures it.", ""]
    for group, rows in r.groups(results["figures"]):
        out += [f"## {group}", "",
                "| " + " | ".join([rows[0]["unit"]] + [name for name, *_ in COLUMNS] + ["", "aim"]) + " |",
                "|---|" + "---:|" * (len(COLUMNS) + 2)]
        notes = []
        for row in rows:
            label = row["label"]
            if row["unit"] != rows[0]["unit"]:
                label += f" ({row['unit']})"
            if "note" in row:
                notes.append(row["note"])
                label += f" [{len(notes)}]"
            cells = [r.cell(row, world, arm) for _, world, arm in COLUMNS]
            out.append("| " + " | ".join([label] + cells + [r.ratio(row), r.aim(row)]) + " |")
        out += [""] + [f"[{i}] {note}\n" for i, note in enumerate(notes, 1)]
    return "\n".join(out).rstrip() + "\n"


def short(results):
    """The rows that the README shows."""
    out = ["| guest instructions | Enclavisor | Linux guest, same QEMU | |", "|---|---:|---:|---|"]
    for row in results["figures"]:
        if row.get("brief"):
            cells = [row["label"], r.cell(row, "enclave", "plain"), r.cell(row, "linux", "default"), r.ratio(row)]
            out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"
