using System.Diagnostics;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests;

/// <summary>The program of TeraIO.TestSupport in a process of its own, with the libraries that these tests have.</summary>
internal static class SupportProcess
{
    /// <summary>Starts it; its input and output are the caller's.</summary>
    public static Process Start(params ReadOnlySpan<string> arguments)
    {
        string binaries = TestContext.CurrentContext.TestDirectory;
        var start = new ProcessStartInfo(ChildProcess.Dotnet)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                "exec",
                "--runtimeconfig", Path.Combine(binaries, "TeraIO.Core.Tests.runtimeconfig.json"),
                "--depsfile", Path.Combine(binaries, "TeraIO.Core.Tests.deps.json"),
                typeof(FaultPlan).Assembly.Location,
            },
        };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
