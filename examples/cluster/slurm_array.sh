#!/bin/bash
# A study as a Slurm array: one task per part, then a job that joins them and writes the report.
#
#   sbatch slurm_array.sh            the four parts
#   PARTS=16 sbatch --array=1-16 slurm_array.sh
#
# STUDY, OUT and MICROGLIA say what is run, where to and by which program. A task that is requeued goes on where it was,
# and the whole may be submitted again. PARTS beyond the study's cells have nothing to do.
#SBATCH --job-name=microglia
#SBATCH --array=1-4
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=microglia-%A_%a.log
set -euo pipefail

PARTS=${PARTS:-4}
STUDY=${STUDY:-study.toml}
OUT=${OUT:-study}
MICROGLIA=${MICROGLIA:-microglia}

# The first task asks for the joining, once every task of the array has ended: also one that ended with 1, which says that
# a whole cell diverged. Joining rejects what is not complete.
if [[ $SLURM_ARRAY_TASK_ID == 1 && ${SLURM_RESTART_COUNT:-0} == 0 ]]; then
    sbatch --dependency="afterany:$SLURM_ARRAY_JOB_ID" --job-name=microglia-merge --output=microglia-merge-%j.log \
        --wrap "'$MICROGLIA' experiment --merge $(printf "'$OUT/part-%s' " $(seq "$PARTS")) --out '$OUT/whole'"
fi

exec "$MICROGLIA" experiment --config "$STUDY" --shard "$SLURM_ARRAY_TASK_ID/$PARTS" \
    --out "$OUT/part-$SLURM_ARRAY_TASK_ID" --threads "${SLURM_CPUS_PER_TASK:-2}"
