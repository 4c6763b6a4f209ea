using System.Diagnostics;
using System.Globalization;

namespace TeraIO.TestSupport;

/// <summary>What an mpirun did.</summary>
/// <param name="ExitCode">mpirun's own.</param>
/// <param name="Output">Standard output of all ranks.</param>
/// <param name="Errors">Standard error of mpirun and all ranks.</param>
internal sealed record MpiResult(int ExitCode, string Output, string Errors);

/// <summary>Runs a .NET program as several ranks of Open MPI on this machine.</summary>
internal sealed class MpiRun : IDisposable
{
    private readonly Process _mpirun;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    /// <summary>Starts it.</summary>
    /// <param name="ranks">How many processes.</param>
    /// <param name="program">What follows <c>dotnet</c>.</param>
    public MpiRun(int ranks, params ReadOnlySpan<string> program)
    {
        var start = new ProcessStartInfo("mpirun") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] options =
        [
            "-n", ranks.ToString(CultureInfo.InvariantCulture), "--oversubscribe", "--bind-to", "none",
            // Not the network, and not process_vm_readv, which containers forbid.
            "--mca", "btl", "self,vader", "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "mpi_yield_when_idle", "1",
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
        ];
        foreach (string option in options) start.ArgumentList.Add(option);
        foreach (string argument in program) start.ArgumentList.Add(argument);
        // Tests run as root in containers; mpirun asks to be told that this is meant.
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        // mpirun gives ranks a terminal of its own, which .NET would greet with its control sequences.
        start.Environment["TERM"] = "dumb";
        // As many threads as the sums of a single rank take, so that their bits do not depend on the machine.
        start.Environment["OMP_NUM_THREADS"] = "1";
        _mpirun = Process.Start(start)!;
        _output = _mpirun.StandardOutput.ReadToEndAsync();
        _errors = _mpirun.StandardError.ReadToEndAsync();
    }

    /// <summary>Runs it to its end.</summary>
    /// <inheritdoc cref="MpiRun(int, ReadOnlySpan{string})" path="/param"/>
    public static MpiResult Run(int ranks, params ReadOnlySpan<string> program)
    {
        using var run = new MpiRun(ranks, program);
        return run.Wait();
    }

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">It did not end: the ranks wait for each other.</exception>
    public MpiResult Wait()
    {
        // Far more than any test needs; only a hang lasts longer.
        if (!_mpirun.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            Dispose();
            throw new TimeoutException("mpirun did not end.");
        }

        return new MpiResult(_mpirun.ExitCode, _output.GetAwaiter().GetResult(), _errors.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        if (!_mpirun.HasExited) _mpirun.Kill(entireProcessTree: true);
        _mpirun.Dispose();
    }
}
