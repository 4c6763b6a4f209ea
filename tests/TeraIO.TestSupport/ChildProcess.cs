using System.Diagnostics;

namespace TeraIO.TestSupport;

/// <summary>What a process did.</summary>
/// <param name="ExitCode">Its own.</param>
/// <param name="Output">Its standard output, and that of its children.</param>
/// <param name="Errors">Its standard error, and that of its children.</param>
internal sealed record ProcessResult(int ExitCode, string Output, string Errors);

/// <summary>Processes that a test starts and waits for.</summary>
internal static class ChildProcess
{
    /// <summary>The host that runs this test, else the one in the path.</summary>
    public static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Runs a program to its end.</summary>
    /// <param name="file">The program: a path, or a name in the path.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="environment">Variables beside those of this process.</param>
    /// <param name="directory">Where it runs; empty: where this process does.</param>
    /// <exception cref="TimeoutException">It did not end, and was killed with its children.</exception>
    public static ProcessResult Run(
        string file, ReadOnlySpan<string> arguments, ReadOnlySpan<(string Name, string Value)> environment = default, string directory = "")
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        // Both at once: a process whose pipe is full waits for its reader.
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        // Far more than any test needs; only a hang lasts longer.
        if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{file} did not end.");
        }

        return new ProcessResult(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }
}
