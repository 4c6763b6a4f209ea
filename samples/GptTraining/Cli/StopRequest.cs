using System.Runtime.InteropServices;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Turns the first Ctrl-C or SIGTERM into a wish that the training loop reads between steps. A second one ends the
/// process at once. Thread-safe.
/// </summary>
internal sealed class StopRequest : IDisposable
{
    /// <summary>Exit code of a run that stopped early: the shell's code for SIGINT.</summary>
    public const int ExitCode = 130;

    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private volatile bool _requested;

    /// <param name="onTerminate">
    /// Called for SIGTERM, to pass it on to a child. Not for Ctrl-C: a terminal sends that to the child as well, and
    /// a second signal would end it at once.
    /// </param>
    public StopRequest(Action? onTerminate = null)
    {
        void Handle(PosixSignalContext context)
        {
            if (_requested)
                return;
            _requested = true;
            context.Cancel = true;
            if (context.Signal == PosixSignal.SIGTERM)
                onTerminate?.Invoke();
        }
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    public bool Requested => _requested;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }
}
