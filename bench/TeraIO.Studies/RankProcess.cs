using System.Diagnostics;
using System.Globalization;

namespace TeraIO.Studies;

/// <summary>Another process of this program that speaks by lines: it says when it is ready and goes on when told.</summary>
internal sealed class RankProcess : IDisposable
{
    private readonly Process _process;

    /// <param name="arguments">Of the program.</param>
    public RankProcess(params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (string argument in (IEnumerable<string>)["exec", typeof(RankProcess).Assembly.Location, .. arguments]) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
    }

    /// <summary>One line to the process that started this one.</summary>
    public static void Say(string line)
    {
        Console.WriteLine(line);
        Console.Out.Flush();
    }

    public void Go()
    {
        _process.StandardInput.WriteLine("go");
        _process.StandardInput.Flush();
    }

    public Task<string?> ReadAsync() => _process.StandardOutput.ReadLineAsync();

    public string Read() => _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A rank ended early.");

    /// <summary>A line of figures, with spaces between them.</summary>
    /// <param name="count">How many there must be.</param>
    public double[] ReadFigures(int count)
    {
        string line = Read();
        string[] figures = line.Split(' ');
        if (figures.Length != count) throw new InvalidOperationException($"A rank answered '{line}' instead of {count} figures.");
        return [.. figures.Select(static text => double.Parse(text, CultureInfo.InvariantCulture))];
    }

    public void Expect(string answer)
    {
        string line = Read();
        if (line != answer) throw new InvalidOperationException($"A rank answered '{line}' instead of '{answer}'.");
    }

    /// <summary>Waits for its end.</summary>
    public void Finish()
    {
        _process.WaitForExit();
        if (_process.ExitCode != 0) throw new InvalidOperationException("A rank failed.");
    }

    /// <summary>Sends it SIGKILL; <see cref="WaitForEnd"/> says when it is gone.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits until a killed process is gone, and with it its hold on files and memory.</summary>
    public void WaitForEnd() => _process.WaitForExit();

    /// <summary>A process that is still there after a failure of this one does not outlive it, nor write into directories that are removed next.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
            WaitForEnd();
        }

        _process.Dispose();
    }
}
