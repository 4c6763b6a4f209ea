using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TeraIO.Core.Residency;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Carries transfers out ahead of need, on a thread of its own, so that the training thread only asks. Offloads start at once; prefetches wait
/// in order until memory has room for them beside what the running op still allocates. Nothing depends on it: a failed offload leaves
/// its block in memory, a failed or missing prefetch is read again on demand, where an error surfaces.
/// </summary>
internal sealed class Migrator : IDisposable
{
    /// <summary>A transfer that ended.</summary>
    /// <param name="Block">What moved.</param>
    /// <param name="Offload">Null for a prefetch.</param>
    /// <param name="Transfer">That ended.</param>
    /// <param name="Failure">Why it did not move; null: it did.</param>
    private readonly record struct Finished(TensorBlock Block, Offload? Offload, OrderedTransfer Transfer, TeraIOException? Failure);

    private readonly EngineState _state;
    private readonly TensorStore _store;
    private readonly Queue<Offload> _offloads = new();          // under the engine's lock
    private readonly LinkedList<TensorBlock> _prefetches = new(); // under the engine's lock
    private readonly ConcurrentQueue<Finished> _finished = new();
    private readonly AutoResetEvent _work = new(initialState: false);
    private readonly Thread _thread;
    private int _inFlight; // this thread only
    private bool _isStopping; // under the engine's lock

    public Migrator(EngineState state)
    {
        _state = state;
        _store = state.Store ?? throw new ArgumentException("Migrations need a store.", nameof(state));
        _thread = new Thread(Run) { IsBackground = true, Name = "TeraIO migrations" };
        _thread.Start();
    }

    /// <summary>Offloads and prefetches that ended in an error, each with no harm done. Under the engine's lock.</summary>
    public int Failures { get; private set; }

    /// <summary>Nothing is in flight, and no prefetch that waits could begin. Under the engine's lock; its waiters are told of changes.</summary>
    public bool IsQuiet =>
        _state is { OffloadsInFlight: 0, PrefetchesInFlight: 0, StreamReads: not { InFlight: > 0 } }
        && (_prefetches.FirstOrDefault(static b => b.State == ResidencyState.Offloaded) is not { } next || !HasRoomFor(next));

    /// <summary>Takes a block out of memory as soon as its bytes are stored, in the tier that the plan has for them. Under the engine's lock.</summary>
    /// <returns>False when it is in use, away already or cannot move.</returns>
    public bool RequestOffload(TensorBlock block, WriteTarget target)
    {
        if (_isStopping || _state.Stopped is not null) return false;
        if (block is { State: ResidencyState.Arriving, StaysResident: false })
        {
            // The host is ahead of the device.
            block.LeavesWhenRead = target;
            return true;
        }

        if (block is not { State: ResidencyState.Resident, Pins: 0, Storage: not 0, StaysResident: false }) return false;
        _offloads.Enqueue(_state.BeginOffload(block, target));
        _work.Set();
        return true;
    }

    /// <summary>Brings a block back when its turn comes and there is room. Under the engine's lock.</summary>
    /// <returns>False when it is in memory already.</returns>
    public bool RequestPrefetch(TensorBlock block)
    {
        if (_isStopping) return false;
        if (block.State == ResidencyState.Offloading)
        {
            block.IsWantedBack = true;
            return true;
        }

        if (block.LeavesWhenRead is not null)
        {
            block.LeavesWhenRead = null;
            return true;
        }

        if (block.State != ResidencyState.Offloaded) return false;
        _prefetches.AddLast(block);
        _work.Set();
        return true;
    }

    /// <summary>Forgets prefetches that have not started: what they were for will not come. Under the engine's lock.</summary>
    public void ForgetPrefetches() => _prefetches.Clear();

    /// <summary>Memory was freed, or somebody no longer waits for it: a prefetch that waits for room may go. Under the engine's lock.</summary>
    public void RoomChanged()
    {
        if (_prefetches.Count > 0) _work.Set();
    }

    /// <summary>Ends what is in flight, forgets the rest and stops the thread. Not under the engine's lock.</summary>
    public void Dispose()
    {
        lock (_state.Sync)
        {
            _isStopping = true;
            _prefetches.Clear();
        }

        _work.Set();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            Settle();
            while (TryTakeOffload(out Offload offload)) Start(offload);
            while (TryBeginPrefetch(out TensorBlock? block, out nint address)) Start(block, address);
            if (!_finished.IsEmpty) continue;
            if (_inFlight == 0)
            {
                lock (_state.Sync)
                {
                    if (_isStopping && _offloads.Count == 0) return;
                }
            }

            _work.WaitOne();
        }
    }

    private bool TryTakeOffload(out Offload offload)
    {
        lock (_state.Sync) return _offloads.TryDequeue(out offload);
    }

    /// <summary>The next prefetch, now with memory of its own, if it is still wanted and there is room.</summary>
    private bool TryBeginPrefetch([NotNullWhen(true)] out TensorBlock? block, out nint address)
    {
        address = 0;
        block = null;
        lock (_state.Sync)
        {
            while (_prefetches.First is { } first)
            {
                block = first.Value;
                if (block.State == ResidencyState.Offloaded)
                {
                    if (!HasRoomFor(block)) return false;
                    try
                    {
                        if (!_state.TryBeginPrefetch(block, out address)) return false;
                    }
                    catch (TeraIOException)
                    {
                        // No memory in spite of the budget: the op that needs the block will say so, if that is still so then.
                        Failures++;
                        _prefetches.Remove(first);
                        continue;
                    }

                    _prefetches.Remove(first);
                    _state.PrefetchesInFlight++;
                    _state.PrefetchingBytes += block.Bytes;
                    return true;
                }

                _prefetches.Remove(first); // an op was faster, or it died
            }
        }

        return false;
    }

    private bool HasRoomFor(TensorBlock block) =>
        block.Bytes <= _state.Budget - _state.Memory.LiveBytes - _state.RoomWanted - _state.RoomForOp;

    private void Start(Offload offload)
    {
        TensorBlock block = offload.Block;
        try
        {
            // A file may have to grow here: not under the lock.
            StoredCopy copy = block.Copy ??= _store.Reserve(block.Id, block.Bytes);
            if (offload.IsCleanCandidate && _store.Matches(copy, block.Address))
            {
                End(offload, written: false, failed: false);
                return;
            }

            Follow(_state.BeginWrite(offload, continuesInline: true), block, offload);
        }
        catch (TeraIOException)
        {
            End(offload, written: true, failed: true);
        }
    }

    private void Start(TensorBlock block, nint address)
    {
        OrderedTransfer read;
        if (_state.StreamReads is null)
        {
            read = _state.BeginRead(block, address, TransferPriority.Normal, continuesInline: true);
        }
        else
        {
            // Whole in the store's queue before the stream can be made to wait for it: reads behind that wait must not come in between, where they would fill the queue and wait for it in turn.
            lock (_state.Sync) read = _state.BeginRead(block, address, TransferPriority.Normal, continuesInline: true);
        }

        Follow(read, block, offload: null);
    }

    private void Follow(OrderedTransfer transfer, TensorBlock block, Offload? offload)
    {
        _inFlight++;
        transfer.WhenEnded(failure =>
        {
            _finished.Enqueue(new Finished(block, offload, transfer, failure));
            _work.Set();
        });
    }

    private void Settle()
    {
        while (_finished.TryDequeue(out Finished finished))
        {
            _inFlight--;
            if (finished.Offload is not { } offload)
            {
                EndPrefetch(finished);
                continue;
            }

            _state.EndTransfer(finished.Transfer, finished.Block, finished.Failure);
            End(offload, written: true, failed: finished.Failure is not null);
        }
    }

    private void End(Offload offload, bool written, bool failed)
    {
        lock (_state.Sync)
        {
            if (failed) Failures++;
            _state.EndOffload(offload, written, failed);
            Monitor.PulseAll(_state.Sync);
        }
    }

    private void EndPrefetch(in Finished prefetch)
    {
        lock (_state.Sync)
        {
            if (prefetch.Failure is not null) Failures++;
            _state.PrefetchesInFlight--;
            if (prefetch.Transfer.Read is not { IsAwaited: true }) _state.PrefetchingBytes -= prefetch.Block.Bytes;
            _state.EndRead(prefetch.Transfer, prefetch.Block, prefetch.Failure);
            Monitor.PulseAll(_state.Sync);
        }
    }
}
