using System.Diagnostics;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Leases;

/// <summary>A <see cref="LeaseMember"/> in a process of its own.</summary>
internal sealed class LeaseChild : IDisposable
{
    private readonly Process _process;

    public LeaseChild(string file, int slots = 1)
    {
        _process = SupportProcess.Start("lease", file, $"{slots}");
        Expect("joined");
    }

    /// <summary>Has it do something and waits until it has.</summary>
    public void Do(string command, string answer)
    {
        Begin(command);
        Expect(answer);
    }

    /// <summary>Has it do something that may take until somebody else does something.</summary>
    public void Begin(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    public void Expect(string answer) => Assert.That(_process.StandardOutput.ReadLine(), Is.EqualTo(answer));

    /// <summary>SIGKILL; returns when the process is gone.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }
}
