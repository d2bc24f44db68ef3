# shellcheck shell=bash
# What differs from cluster to cluster. The job scripts read it on the compute nodes; read it once in the shell that
# submits, too, so that sbatch sees the SBATCH_ lines:   source jobscripts/site.profile
# Edit it here, or copy it and set FATHOM_PROFILE to the copy. What is set in the environment already stands.

# Modules that hold the compiler, MPI and libraries that fathom was built with. Ask: module avail
# module purge
# module load gcc openmpi openblas scalapack elpa hdf5

# How to start MPI programs. Which kinds srun knows: srun --mpi=list. Debian's Open MPI needs pmix; a site's own MPI
# may want "srun" alone, or "srun --mpi=pmi2". Where srun and MPI do not know each other: "mpirun".
export FATHOM_LAUNCH=${FATHOM_LAUNCH:-srun --mpi=pmix}

# Where jobs go. Ask: sinfo -s (partitions, their time limits), sacctmgr show assoc user=$USER (accounts)
# export SBATCH_PARTITION=${SBATCH_PARTITION:-compute}
# export SBATCH_ACCOUNT=${SBATCH_ACCOUNT:-my_project}
# export SBATCH_QOS=${SBATCH_QOS:-normal}

# Memory of a job on each node; 0 is all of it. Without this line a job gets the site's default, often little.
# fathom plan says what a deck needs.
# export SBATCH_MEM_PER_NODE=${SBATCH_MEM_PER_NODE:-0}

# Network: nothing to set where MPI was built for the cluster. A job on two nodes that prints its first line and then
# nothing waits for a network that it cannot use. Open MPI over plain TCP, for example, with the name of the interface:
# export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_pml=ob1
