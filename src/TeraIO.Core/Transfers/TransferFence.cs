using TeraIO.Core.Interop;

namespace TeraIO.Core.Transfers;

/// <summary>How a stream was made to wait. Values are <c>TIO_WAIT_*</c>.</summary>
internal enum FenceWait : uint
{
    /// <summary>The fence had passed.</summary>
    NotNeeded = 0,

    /// <summary>The stream waits; the caller went on.</summary>
    ByStream = 1,

    /// <summary>The caller has waited.</summary>
    ByHost = 2,
}

/// <summary>Values are <c>TIO_FENCE_*</c>.</summary>
internal enum FenceState : uint
{
    /// <summary>Neither recorded nor armed.</summary>
    Unset = 0,

    /// <summary>The work before it is not over.</summary>
    Pending = 1,

    /// <summary>The work before it has ended well.</summary>
    Passed = 2,

    /// <summary>The work before it has ended with an error: what it was to bring is not there.</summary>
    Failed = 3,
}

/// <summary>
/// A moment that is still to come, in the streams of a GPU or among transfers; docs/cuda-ordering.md shows what it is for. Each recording
/// or arming is a new moment: what refers to a former one keeps it. Thread-safe but for <see cref="Dispose"/>.
/// </summary>
internal sealed unsafe class TransferFence(GdsFenceHandle handle) : IDisposable
{
    internal GdsFenceHandle Handle => handle;

    public FenceState State => Read().State;

    /// <summary>What the failed work ended with; <see cref="TransferStatus.Ok"/> unless it has failed.</summary>
    public TransferStatus Status => Read().Status;

    /// <summary>From now on the fence passes when the kernels that are in the stream now have finished.</summary>
    /// <param name="stream">A <c>CUstream</c>; 0 is the legacy default stream.</param>
    /// <exception cref="TeraIOException">The driver refused; the fence stands for nothing.</exception>
    public void Record(nint stream) => Require(NativeMethods.Gds.FenceRecord(handle, stream), "recorded");

    /// <summary>From now on the fence passes after as many calls of <see cref="Signal"/>, or requests that name it.</summary>
    /// <exception cref="TeraIOException">The driver refused; the fence stands for nothing.</exception>
    public void Arm(int transfers = 1) => Require(NativeMethods.Gds.FenceArm(handle, (uint)transfers), "armed");

    /// <summary>One transfer has ended.</summary>
    /// <exception cref="TeraIOException">All that the fence was armed for have.</exception>
    public void Signal(TransferStatus status, int systemErrno) =>
        Require(NativeMethods.Gds.FenceSignal(handle, status, systemErrno), "signalled");

    /// <summary>What is put into the stream from now on runs after the fence has passed.</summary>
    /// <exception cref="TeraIOException">The work before the fence has failed, or the driver refused.</exception>
    public FenceWait MakeWait(nint stream)
    {
        Require(NativeMethods.Gds.FenceMakeWait(handle, stream, out var how), "waited for");
        return how;
    }

    /// <summary>Blocks until the fence has passed; <see langword="false"/> if that took too long.</summary>
    /// <param name="timeout"><see cref="Timeout.InfiniteTimeSpan"/>: no limit.</param>
    /// <exception cref="TeraIOException">The work before the fence has failed.</exception>
    public bool Wait(TimeSpan timeout)
    {
        var status = NativeMethods.Gds.FenceWaitFor(handle, (int)timeout.TotalMilliseconds);
        if (status == TransferStatus.Timeout)
            return false;
        Require(status, "waited for");
        return true;
    }

    /// <summary>What is still to be signalled counts as cancelled.</summary>
    public void Dispose() => handle.Dispose();

    private GdsFenceState Read()
    {
        var state = new GdsFenceState { StructSize = (uint)sizeof(GdsFenceState) };
        Require(NativeMethods.Gds.FenceGetState(handle, &state), "examined");
        return state;
    }

    private static void Require(TransferStatus status, string what)
    {
        if (status != TransferStatus.Ok)
            throw new TeraIOException($"A fence cannot be {what}: {NativeMethods.Gds.LastError()}. The step that needs it has to end.");
    }
}

/// <summary>What a transfer waits for and what waits for it.</summary>
/// <param name="After">Recorded: the transfer begins when it has passed. Not to be recorded again before the transfer has ended.</param>
/// <param name="Signals">Armed: signalled once when the transfer has ended, the last try of it, whatever came of it.</param>
internal readonly record struct TransferFences(TransferFence? After, TransferFence? Signals = null);
