using System.Diagnostics;
using System.Runtime.InteropServices;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Runs this program again in a process of its own, so that its memory is measured from zero, and reads its report.
/// </summary>
internal static partial class ChildRun
{
    // Options of the parent that a child gets in another form or not at all.
    private static readonly string[] _withValue = ["--budget", "--unlimited-peak", "--json", "--checkpoint", "--stop-after", "--trace", "--plan", "--study"];
    private static readonly string[] _withoutValue = ["--compare", "--no-offload", "--unobserved", "--same-traffic"];

    private const int Terminate = 15;

    /// <summary>The parent's arguments without what concerns budget and output, plus <paramref name="more"/>.</summary>
    public static IReadOnlyList<string> Arguments(IReadOnlyList<string> parent, params ReadOnlySpan<string> more)
    {
        var arguments = new List<string>();
        for (var i = 0; i < parent.Count; i++)
        {
            var name = parent[i].Split('=', ':')[0];
            if (_withoutValue.Contains(name))
            {
                if (i + 1 < parent.Count && bool.TryParse(parent[i + 1], out _))
                    i++;
            }
            else if (!_withValue.Contains(name))
            {
                arguments.Add(parent[i]);
            }
            else if (name == parent[i])
            {
                i++;
            }
        }
        arguments.AddRange(more);
        return arguments;
    }

    /// <summary>Runs to the end; the child's step lines go to <paramref name="output"/>, its errors to this process's stderr.</summary>
    /// <returns>The report, or null with the exit code of a child that failed or was stopped.</returns>
    public static (RunReport? Report, int ExitCode) Run(IReadOnlyList<string> arguments, Action<string> output)
    {
        var directory = Directory.CreateTempSubdirectory("teraio-run-");
        try
        {
            var json = Path.Combine(directory.FullName, "report.json");
            using var child = Start([.. arguments, "--json", json]);
            using var stop = new StopRequest(() => _ = SendSignal(child.Id, Terminate));
            while (child.StandardOutput.ReadLine() is { } line)
                output(line);
            child.WaitForExit();
            return (child.ExitCode == 0 ? RunReport.Read(json) : null, child.ExitCode);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static Process Start(IReadOnlyList<string> arguments)
    {
        var executable = Environment.ProcessPath ?? throw new ConfigurationException("The path of this program is unknown, so it cannot run itself again.");
        var start = new ProcessStartInfo(executable) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(executable) == "dotnet")
            start.ArgumentList.Add(typeof(ChildRun).Assembly.Location);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    // Process has no way to ask politely, and a killed child could not clean its store.
    [LibraryImport("libc.so.6", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);
}
