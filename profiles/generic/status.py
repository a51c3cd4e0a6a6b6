"""State of a job for profiles/generic: prints running, success or failed (Slurm's scontrol)."""

import subprocess
import sys

RUNNING = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "RESIZING")


def main(job: str) -> str:
    """State of the job with this id; one that the scheduler has forgotten counts as failed."""
    asked = subprocess.run(
        ["scontrol", "--oneliner", "show", "job", job],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if asked.returncode != 0:
        # A scheduler that can't be reached says nothing about the job: ask again later.
        return "failed" if "Invalid job id" in asked.stderr else "running"
    state = dict(word.split("=", 1) for word in asked.stdout.split() if "=" in word)["JobState"]
    return "success" if state == "COMPLETED" else "running" if state in RUNNING else "failed"


if __name__ == "__main__":
    print(main(sys.argv[1]))
