using System.Globalization;

namespace TeraIO.TestSupport;

/// <summary>Runs a .NET program as several ranks of Open MPI on this machine.</summary>
internal static class MpiRun
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="ranks">How many processes.</param>
    /// <param name="program">What follows <c>dotnet</c>.</param>
    /// <returns>mpirun's exit code, and what mpirun and all ranks wrote.</returns>
    /// <exception cref="TimeoutException">It did not end: the ranks wait for each other.</exception>
    public static ProcessResult Run(int ranks, params ReadOnlySpan<string> program) => ChildProcess.Run(
        "mpirun",
        [
            "-n", ranks.ToString(CultureInfo.InvariantCulture), "--oversubscribe", "--bind-to", "none",
            // Not the network, and not process_vm_readv, which containers forbid.
            "--mca", "btl", "self,vader", "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "mpi_yield_when_idle", "1",
            ChildProcess.Dotnet, .. program,
        ],
        [
            // Tests run as root in containers; mpirun asks to be told that this is meant.
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            // mpirun gives ranks a terminal of its own, which .NET would greet with its control sequences.
            ("TERM", "dumb"),
            // As many threads as the sums of a single rank take, so that their bits do not depend on the machine.
            ("OMP_NUM_THREADS", "1"),
        ]);
}
