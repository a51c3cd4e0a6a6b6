#!/usr/bin/env bash
# Runs a command under a single-node Slurm of its own, and stops that Slurm when the command ends:
#
#     tests/cluster/local_slurm.sh FOLDER COMMAND [ARGUMENT...]
#
# Configuration, keys, sockets, logs and job records are in FOLDER, which may not exist yet. Nothing
# outside it is touched: neither /etc/slurm nor /etc/munge is read. Needs slurmctld, slurmd, sbatch
# and munged (Debian: slurm-wlm, munge). FOLDER/jobs.txt is Slurm's own record of finished jobs.
# SLURM_CPUS sets the number of slots (default: the number of cores).
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi
PATH="$PATH:/usr/sbin:/sbin"
for program in slurmctld slurmd sbatch munged; do
  command -v "$program" > /dev/null || { echo "$program is not installed" >&2; exit 3; }
done
mkdir "$1" && chmod 755 "$1"
folder=$(cd "$1" && pwd)
shift
started=()

# Last first: jobs end before the daemons, slurmd before slurmctld, munge last.
stop() {
  trap - HUP INT TERM
  [ ! -e "$folder/ready" ] || timeout 10 scancel --user="$(id -un)" --full 2> /dev/null || true
  rm -f "$folder/ready"
  for ((index = ${#started[@]} - 1; index >= 0; index--)); do
    kill "${started[index]}" 2> /dev/null || continue
    for _ in $(seq 50); do kill -0 "${started[index]}" 2> /dev/null || break; sleep 0.1; done
    kill -9 "${started[index]}" 2> /dev/null || true
  done
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

read -r control node < <(python3 - <<'PYTHON'
import socket
free = [socket.socket() for _ in range(2)]
for one in free:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in free))
PYTHON
)
user=$(id -un)
memory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
mkdir -m 700 "$folder/munge"
mkdir "$folder/state" "$folder/spool"
(umask 077 && head -c 128 /dev/urandom > "$folder/munge/key")
cat > "$folder/slurm.conf" <<CONF
ClusterName=local
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$control
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
# More slots than cores are allowed.
SlurmdParameters=config_overrides
# No cgroups, so that it runs in a container: memory is booked, not enforced.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Records without a database: finished jobs in a text file, and in memory for an hour.
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.txt
MinJobAge=3600
KillWait=2
NodeName=here NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$node CPUs=${SLURM_CPUS:-$(nproc)} RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=here Default=YES MaxTime=60 DefMemPerCPU=1000 State=UP
CONF
export SLURM_CONF="$folder/slurm.conf"
# The executor plugin clears SLURM_CONF from the environment of the steps that it starts by srun.
mkdir "$folder/bin"
printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' "$SLURM_CONF" "$(command -v srun)" > "$folder/bin/srun"
chmod +x "$folder/bin/srun"
PATH="$folder/bin:$PATH"

munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge.socket" \
  --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" --seed-file="$folder/munge.seed" &> "$folder/munged.out" &
started+=($!)
for _ in $(seq 50); do [ ! -S "$folder/munge.socket" ] || break; sleep 0.1; done
slurmctld -D -i -f "$SLURM_CONF" &> "$folder/slurmctld.out" &
started+=($!)
slurmd -D -N here -f "$SLURM_CONF" &> "$folder/slurmd.out" &
started+=($!)
for _ in $(seq 100); do
  if [ "$(timeout 5 sinfo --noheader --format=%T 2> /dev/null)" = idle ]; then
    touch "$folder/ready"
    break
  fi
  sleep 0.3
done
[ -e "$folder/ready" ] || { echo "Slurm did not start; see $folder" >&2; tail -n 5 "$folder"/*.out >&2; exit 1; }
# In the background, for a trap waits until a foreground command ends; with this script's input.
"$@" <&0 &
started+=($!)
status=0
wait "$!" || status=$?
exit "$status"
