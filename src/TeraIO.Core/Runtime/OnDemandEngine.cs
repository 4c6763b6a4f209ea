using TeraIO.Core.Residency;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Runtime;

/// <summary>
/// The base mode of TeraIO: before an op runs, its inputs are resident; when memory would pass the budget, idle
/// storages leave first. Correct for every program, whatever a plan says; a plan only makes its waits shorter. Called from the observer's
/// handlers on any thread.
/// </summary>
internal sealed class OnDemandEngine : IDisposable
{
    private readonly EngineState _state;
    private readonly Evictor _evictor;
    private readonly Restorer _restorer;
    private IOpStream? _stream;

    /// <param name="memory">The memory side; not owned.</param>
    /// <param name="store">Where offloaded bytes go; not owned. Null only together with no budget.</param>
    /// <param name="budget">Limit on live bytes, or <see cref="long.MaxValue"/> to observe only.</param>
    /// <param name="kernels">Orders transfers against kernels; not owned. Null where an op is done when it ends.</param>
    public OnDemandEngine(IStorageMemory memory, TensorStore? store, long budget, KernelOrder? kernels = null)
    {
        _state = new EngineState(memory, store, budget, kernels);
        _evictor = new Evictor(_state);
        _restorer = new Restorer(_state, _evictor);
    }

    /// <summary>What the parts of the engine share; for those that act ahead of the ops.</summary>
    public EngineState State => _state;

    /// <summary>Counters so far. Thread-safe.</summary>
    public EngineStatistics Statistics => _state.Snapshot();

    /// <summary>Why nothing leaves memory any more; null: all is well. Thread-safe.</summary>
    public TeraIOException? Stopped
    {
        get
        {
            lock (_state.Sync) return _state.Stopped;
        }
    }

    /// <summary>A block was allocated; while an op runs on this thread the block is part of its working set.</summary>
    public void Allocated(nint address, long bytes, bool insideOp)
    {
        // The op's kernels will write to it.
        if (insideOp) EnterStream(OpFrame.Of(_state));
        lock (_state.Sync)
        {
            TensorBlock block = _state.AddBlock(address, bytes);
            if (insideOp) PinInFrame(block);
            _stream?.Allocated(block);
            _state.NoteWorkingSet(0);
        }
    }

    /// <summary>A block or tombstone is about to be freed.</summary>
    /// <returns>True when the memory must be kept until a transfer ends; the engine frees it then.</returns>
    public bool Freeing(nint address)
    {
        lock (_state.Sync)
        {
            if (_state.RemoveBlock(address) is not { } block) return false;
            bool transferUsesMemory = block.State is ResidencyState.Offloading or ResidencyState.Prefetching or ResidencyState.Arriving;
            block.Apply(ResidencyEvent.Died);
            _stream?.Freed(block);
            if (transferUsesMemory) block.MemoryIsKept = true;
            else if (block.Copy is not null) _state.Store!.Release(block.Copy);
            return transferUsesMemory;
        }
    }

    /// <summary>An allocation would pass the budget. Null when there is room now, else why not.</summary>
    public TeraIOException? MakeRoom(long bytes) => _evictor.MakeRoom(bytes);

    /// <summary>Before an op: pins its inputs and brings back those that are away.</summary>
    /// <param name="opName">For errors and statistics.</param>
    /// <param name="operands">Its inputs.</param>
    /// <param name="isOutermost">No other op encloses it on this thread.</param>
    /// <param name="bringsOut">It brings data of the device to where the program sees them: all reads that the stream waits for are awaited and looked at before it runs.</param>
    /// <returns>Null, or why an input is not there, or is not to be used: the op must not run.</returns>
    public TeraIOException? BeginOp(string opName, ReadOnlySpan<StorageOperand> operands, bool isOutermost, bool bringsOut = false)
    {
        OpFrame frame = OpFrame.Of(_state);
        if (isOutermost)
        {
            frame.OpName = opName;
            frame.HasEnteredStream = false;
        }

        if (operands.Length > 0 && EnterStream(frame) is { } otherStream) return otherStream;
        frame.Missing.Clear();
        lock (_state.Sync)
        {
            foreach (ref readonly StorageOperand operand in operands)
            {
                if (Find(operand) is not { } block) continue;
                PinInFrame(block);
                block.LeavesWhenRead = null;
                _stream?.Used(block, operand.IsWritten);
                if (operand.IsWritten) block.MarkWritten();
                if (!block.IsInMemory) frame.Missing.Add(block);
            }

            long missingBytes = 0;
            foreach (TensorBlock block in frame.Missing) missingBytes += block.Bytes;
            _state.NoteWorkingSet(missingBytes);
        }

        TeraIOException? failure = frame.Missing.Count == 0 ? null : bringsOut ? _restorer.BringBack(frame.Missing) : _restorer.BringBackInStream(frame.Missing);
        return _state.StreamReads is { } streamReads ? Examine(streamReads, operands, bringsOut) ?? failure : failure;
    }

    /// <summary>After an op: learns the storages of its outputs; the outermost op lets go of everything it held.</summary>
    public void EndOp(OpIdentity op, ReadOnlySpan<StorageOperand> outputs, bool isOutermost)
    {
        OpFrame frame = OpFrame.Of(_state);
        lock (_state.Sync)
        {
            foreach (ref readonly StorageOperand operand in outputs)
            {
                if (Find(operand) is not { } block) continue;
                block.StaysResident |= operand.IsScalar;
                _state.ListIfIdle(block);
            }

            if (_state.Spoilt is not null) Close(outputs);
            if (!isOutermost) return;
            foreach (TensorBlock block in frame.Pinned) _state.Unpin(block);
            frame.Pinned.Clear();
            _stream?.OpEnded(op);
        }
    }

    /// <summary>Pins storages outside any op (a scope that reads data directly) and brings them back.</summary>
    /// <returns>The blocks to hand to <see cref="Unpin"/>; on failure nothing stays pinned.</returns>
    /// <exception cref="TeraIOException">A storage could not be brought back.</exception>
    public List<TensorBlock> Pin(ReadOnlySpan<StorageOperand> operands)
    {
        var pinned = new List<TensorBlock>(operands.Length);
        lock (_state.Sync)
        {
            foreach (ref readonly StorageOperand operand in operands)
            {
                if (Find(operand) is not { } block) continue;
                _state.Pin(block);
                pinned.Add(block);
            }
        }

        BringBackOrUnpin(pinned);
        return pinned;
    }

    /// <summary>Pins and brings back every storage; the caller has suspended the budget (<see cref="SetBudget"/>).</summary>
    /// <exception cref="TeraIOException">A storage could not be brought back.</exception>
    public List<TensorBlock> PinAll()
    {
        List<TensorBlock> pinned;
        lock (_state.Sync)
        {
            pinned = [.. _state.Blocks.Values.Where(b => b.Storage != 0)];
            foreach (TensorBlock block in pinned) _state.Pin(block);
        }

        BringBackOrUnpin(pinned);
        return pinned;
    }

    /// <summary>Ends a <see cref="Pin"/> or <see cref="PinAll"/>. Blocks that died meanwhile are passed over.</summary>
    public void Unpin(List<TensorBlock> blocks)
    {
        lock (_state.Sync)
        {
            foreach (TensorBlock block in blocks) _state.Unpin(block);
        }
    }

    /// <summary>
    /// Blocks until every read that the device's stream waits for has ended and was looked at; at the end of a step, and before anything is done with results that no op brings out. Returns at once where the host waits for reads.
    /// </summary>
    /// <returns>Null, or why nothing that the device has computed may be used.</returns>
    public TeraIOException? AwaitReads() => _state.StreamReads?.AwaitAll();

    /// <summary>Ends its thread, if it has one; when no op runs any more.</summary>
    public void Dispose() => _state.Dispose();

    /// <summary>Tells <paramref name="stream"/> from now on what the program does.</summary>
    public void Follow(IOpStream stream)
    {
        lock (_state.Sync) _stream = stream;
    }

    /// <summary>Changes the limit; storages leave later, as room is needed.</summary>
    public void SetBudget(long budget)
    {
        lock (_state.Sync) _state.Budget = budget;
    }

    /// <summary>Gives a storage its name for errors and reports.</summary>
    public void Name(StorageOperand operand, string? name)
    {
        lock (_state.Sync)
        {
            if (Find(operand) is not { } block) return;
            block.Name ??= name;
            _state.ListIfIdle(block);
        }
    }

    /// <summary>
    /// Once per outermost op, before it launches anything that concerns storages of the device. What is in flight may be abandoned after a refusal, but nothing of it is lost.
    /// </summary>
    private TeraIOException? EnterStream(OpFrame frame)
    {
        if (frame.HasEnteredStream || _state.Kernels is not { } kernels) return null;
        frame.HasEnteredStream = true;
        if (kernels.Enter(frame.OpName) is not { } refusal) return null;
        _state.Stop(refusal);
        return refusal;
    }

    /// <summary>What stops an op whose inputs are there: after a failed read nothing may compute on. libtorch throws, because they are closed.</summary>
    private TeraIOException? Examine(StreamReads streamReads, ReadOnlySpan<StorageOperand> operands, bool bringsOut)
    {
        TeraIOException? spoilt = bringsOut ? streamReads.AwaitAll() : null;
        lock (_state.Sync)
        {
            spoilt ??= _state.Spoilt;
            if (spoilt is not null) Close(operands);
        }

        return spoilt;
    }

    /// <summary>Those too small to move, too. Under the lock.</summary>
    private void Close(ReadOnlySpan<StorageOperand> operands)
    {
        foreach (ref readonly StorageOperand operand in operands)
        {
            if (operand.Storage != 0) _state.Memory.Close(operand.Storage);
        }
    }

    private void BringBackOrUnpin(List<TensorBlock> pinned)
    {
        if ((_restorer.BringBack(pinned) ?? AwaitReads()) is not { } failure) return;
        Unpin(pinned);
        throw failure;
    }

    private void PinInFrame(TensorBlock block)
    {
        _state.Pin(block);
        OpFrame.Of(_state).Pinned.Add(block);
    }

    /// <summary>The block behind an operand; null for memory that is not ours to move. Under the lock.</summary>
    private TensorBlock? Find(in StorageOperand operand)
    {
        if (!operand.IsMovable) return null;
        // The operand was read before the lock was taken: the migrator may have moved it since.
        nint address = _state.Memory.AddressOf(operand.Storage);
        if (!_state.Blocks.TryGetValue(address, out TensorBlock? block)) block = _state.AddBlock(address, operand.Bytes);
        // A storage that does not span its whole allocation cannot be moved as one.
        if (block.Bytes != operand.Bytes) return null;
        block.Storage = operand.Storage;
        return block;
    }
}
