using System.Collections.Concurrent;
using TeraIO.Core.Residency;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Reads that the session's stream waits for in the host's place (<see cref="ReadWaits.InStream"/>). The op is launched behind the wait; when the read has ended, somebody has to look at it: a thread of
/// its own for those that an op began, the migrator for planned ones. Until all were looked at, no result may leave the device (<see cref="AwaitAll"/>). Under the engine's lock, but for that.
/// </summary>
/// <remarks>
/// What lets the stream go on is the store, when the last try of a read has ended, on a thread that needs no lock of the engine: whoever holds that may be blocked in a driver call until the stream goes on.
/// </remarks>
internal sealed class StreamReads : IDisposable
{
    /// <summary>A read that ended, and how.</summary>
    private readonly record struct EndedRead(OrderedTransfer Transfer, TensorBlock Block, TeraIOException? Failure);

    private readonly EngineState _state;
    private readonly KernelOrder _kernels;
    private readonly List<AwaitableRead> _awaited = [];
    private readonly BlockingCollection<EndedRead> _ended = [];
    private readonly Thread _thread;

    /// <param name="state">The engine's.</param>
    /// <param name="kernels">Whose stream waits; not owned.</param>
    public StreamReads(EngineState state, KernelOrder kernels)
    {
        _state = state;
        _kernels = kernels;
        _thread = new Thread(Run) { IsBackground = true, Name = "TeraIO reads of ops" };
        _thread.Start();
    }

    /// <summary>Whether the driver lets streams wait; where it does not, the host does.</summary>
    public bool StreamWaits => _kernels.Device.StreamsWait;

    /// <summary>Reads that ops began and that nobody has looked at.</summary>
    public int InFlight { get; private set; }

    /// <summary>Times that the stream was made to wait for a read.</summary>
    public long Waits { get; private set; }

    /// <summary>Bytes of awaited reads whose blocks nothing needs at the moment: they can leave when they have arrived.</summary>
    public long SpareBytes
    {
        get
        {
            long bytes = 0;
            foreach (AwaitableRead read in _awaited)
            {
                if (read.Block is { Pins: 0, State: ResidencyState.Arriving, StaysResident: false }) bytes += read.Block.Bytes;
            }

            return bytes;
        }
    }

    /// <summary>
    /// A read failed that the stream waited for, whether or not anybody has looked at it: what a kernel has written since may be made of wrong bytes. True before the kernel runs, so that no write that comes
    /// after it can end unseen.
    /// </summary>
    public bool HasFailed => _state.Spoilt is not null || _awaited.Exists(static read => read.Ended.State == FenceState.Failed);

    /// <summary>A read is about to begin that the stream may be made to wait for. <see cref="End"/> follows.</summary>
    /// <exception cref="TeraIOException">The driver refused.</exception>
    public AwaitableRead Arm(TensorBlock block, bool isOnDemand)
    {
        var read = new AwaitableRead(block, _kernels.Armed(), isOnDemand);
        block.Read = read;
        Monitor.PulseAll(_state.Sync);
        return read;
    }

    /// <summary>Looks at a read that an op began when it has ended, because nobody waits for it.</summary>
    public void Follow(OrderedTransfer transfer, TensorBlock block)
    {
        InFlight++;
        // Completion threads must not wait for the engine's lock: the thread does.
        transfer.WhenEnded(failure => _ended.Add(new EndedRead(transfer, block, failure)));
    }

    /// <summary>What is launched from now on comes after the read, whose block is in state Prefetching; on success it is Arriving.</summary>
    /// <remarks>
    /// Where it turns out that the driver lets no stream wait, this once waits under the engine's lock, for a read whose end does not depend on that.
    /// </remarks>
    /// <returns>False when the read has failed already, or the driver refused: the host has to wait for the read's end.</returns>
    public bool TryMakeWait(AwaitableRead read)
    {
        TensorBlock block = read.Block;
        try
        {
            if (read.Ended.MakeWait(_kernels.Stream) == FenceWait.ByStream) Waits++;
        }
        catch (TeraIOException)
        {
            return false;
        }

        // Nobody asked for room for it any more: it is needed now.
        if (!read.IsOnDemand) _state.PrefetchingBytes -= block.Bytes;
        read.IsAwaited = true;
        _awaited.Add(read);
        block.Apply(ResidencyEvent.PrefetchAwaited);
        _state.Memory.Open(block.Storage);
        return true;
    }

    /// <summary>The read has ended; if it failed and the stream waited for it, the session is spoilt.</summary>
    public void End(AwaitableRead read, TeraIOException? failure)
    {
        read.Failure = failure;
        if (read.Block.Read == read) read.Block.Read = null;
        if (read.IsAwaited)
        {
            _awaited.Remove(read);
            if (failure is not null) _state.Spoil(Describe(read, failure));
        }

        _kernels.Return(read.Ended);
    }

    /// <summary>Blocks until every read that the stream waits for has ended and was looked at. Not under the engine's lock.</summary>
    /// <returns>Null, or why nothing that the device computed may be used.</returns>
    public TeraIOException? AwaitAll()
    {
        lock (_state.Sync)
        {
            while (_awaited.Count > 0) Monitor.Wait(_state.Sync);
            return _state.Spoilt;
        }
    }

    /// <summary>Looks at what is in flight when it ends, and stops the thread. Not under the engine's lock.</summary>
    public void Dispose()
    {
        lock (_state.Sync)
        {
            while (InFlight > 0) Monitor.Wait(_state.Sync);
        }

        _ended.CompleteAdding(); // which waits for those who are adding
        _thread.Join();
        _ended.Dispose();
    }

    private static TeraIOException Describe(AwaitableRead read, TeraIOException failure) => failure is KernelFailedException or ReadFailedException ? failure : new ReadFailedException(
        $"{read.Block} could not be read back, and kernels that the GPU's stream held back for it have run with wrong bytes. What the step has computed since must not be used, and the session does nothing more: "
        + $"start again from the last checkpoint. With {nameof(ReadWaits)}.{nameof(ReadWaits.OnHost)} such an error stops the op before it runs. ({failure.Message})",
        failure);

    private void Run()
    {
        foreach (EndedRead ended in _ended.GetConsumingEnumerable())
        {
            lock (_state.Sync)
            {
                InFlight--;
                _state.EndRead(ended.Transfer, ended.Block, ended.Failure);
                Monitor.PulseAll(_state.Sync);
            }
        }
    }
}
