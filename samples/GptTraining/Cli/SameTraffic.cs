using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// fio, moving bytes of a file of its own at a given rate: what the machine charges a training for the traffic alone, whoever causes it.
/// </summary>
internal sealed class SameTraffic : IDisposable
{
    private readonly string _file;
    private Process? _fio;

    /// <param name="directory">Where its file of 1 GiB lies until <see cref="Dispose"/>.</param>
    /// <exception cref="ConfigurationException">fio is not there.</exception>
    public SameTraffic(string directory)
    {
        _file = Path.Combine(directory, $"teraio-same-traffic-{Environment.ProcessId}");
        // Lays the file out, so that later only the traffic itself is measured.
        using var fio = Run("--rw=write");
        fio.WaitForExit();
        if (fio.ExitCode == 0)
            return;
        Dispose();
        throw new ConfigurationException($"fio cannot write {_file} (exit code {fio.ExitCode}): choose another --store, or leave --same-traffic out.");
    }

    /// <summary>Reads and writes at these rates, in bytes per second, until <see cref="Stop"/>. Nothing where both are 0.</summary>
    public void Start(double readRate, double writeRate)
    {
        if (readRate + writeRate <= 0)
            return;
        _fio = Run(
            "--rw=rw",
            string.Create(CultureInfo.InvariantCulture, $"--rwmixread={Math.Clamp(100 * readRate / (readRate + writeRate), 1, 99):F0}"),
            string.Create(CultureInfo.InvariantCulture, $"--rate={Math.Max(1, readRate):F0},{Math.Max(1, writeRate):F0}"),
            "--time_based", "--runtime=1h"); // Not for ever, should this process be killed.
    }

    /// <summary>Ends it and waits for that.</summary>
    /// <exception cref="ConfigurationException">It had ended before: there was no traffic.</exception>
    public void Stop()
    {
        if (_fio is { HasExited: true })
            throw new ConfigurationException($"fio ended by itself (exit code {_fio.ExitCode}), so that steps had no traffic beside them: run the same fio by hand to see why.");
        End();
    }

    public void Dispose()
    {
        End();
        File.Delete(_file);
    }

    private void End()
    {
        if (_fio is null)
            return;
        _fio.Kill();
        _fio.WaitForExit();
        _fio.Dispose();
        _fio = null;
    }

    private Process Run(params ReadOnlySpan<string> more)
    {
        var start = new ProcessStartInfo(
            "fio", ["--name=traffic", $"--filename={_file}", "--size=1g", "--bs=1m", "--direct=1", "--ioengine=io_uring", "--iodepth=16", "--thread", "--output-format=terse", .. more])
        { RedirectStandardOutput = true };
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new ConfigurationException("--same-traffic needs fio, which is not on the PATH: apt-get install fio.");
        }
    }
}
