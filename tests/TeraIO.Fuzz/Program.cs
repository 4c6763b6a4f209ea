using System.Diagnostics;
using System.Globalization;

namespace TeraIO.Fuzz;

/// <summary>
/// Long runs: <c>dotnet run -c Release --project tests/TeraIO.Fuzz -- --minutes 10 [--seed 1] [--save DIRECTORY]</c>. Exit code 1 when an input failed;
/// failing inputs are saved.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (!double.TryParse(Option(arguments, "--minutes") ?? "1", CultureInfo.InvariantCulture, out double minutes) || !int.TryParse(Option(arguments, "--seed") ?? "1", CultureInfo.InvariantCulture, out int seed))
        {
            Console.Error.WriteLine("usage: TeraIO.Fuzz [--minutes N] [--seed N] [--save DIRECTORY]");
            return 2;
        }

        string directory = Option(arguments, "--save") ?? Path.Combine(Path.GetTempPath(), "teraio-fuzz");
        Console.WriteLine($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, seed {seed}, {minutes} minutes, {Environment.ProcessorCount} cores, .NET {Environment.Version}");
        FuzzRun[] runs = [.. FuzzTargets.All.Select(target => new FuzzRun(target, seed))];
        foreach (FuzzRun run in runs) run.CheckSeeds();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalMinutes < minutes)
        {
            foreach (FuzzRun run in runs)
            {
                for (int i = 0; i < 200; i++) run.Step();
            }
        }

        for (int i = 0; i < runs.Length; i++)
        {
            Console.WriteLine(FuzzReport.Line(FuzzTargets.All[i].Name, runs[i]));
            for (int failure = 0; failure < runs[i].Failures.Count; failure++) Save(directory, $"{FuzzTargets.All[i].Name.Replace(' ', '-')}-{seed}-{failure}", runs[i].Failures[failure]);
        }

        Console.WriteLine($"highest working set {Process.GetCurrentProcess().PeakWorkingSet64 / 1048576} MiB");
        return runs.Any(static run => run.Failures.Count > 0) ? 1 : 0;
    }

    private static void Save(string directory, string name, (byte[] Input, string Reason) failure)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, name);
        File.WriteAllBytes(path, failure.Input);
        Console.WriteLine($"{path}: {failure.Reason}");
    }

    private static string? Option(string[] arguments, string name)
    {
        int index = Array.IndexOf(arguments, name);
        return index >= 0 && index + 1 < arguments.Length ? arguments[index + 1] : null;
    }
}
