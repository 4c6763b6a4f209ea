using System.Diagnostics;
using TeraIO.Core.Plans;
using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>What happens to a block in the op stream.</summary>
internal enum StreamEventKind : byte
{
    Read,
    Write,
    Allocate,
    Free,
}

/// <summary>One thing that happened to one block.</summary>
internal readonly record struct StreamEvent(TensorBlock Block, StreamEventKind Kind);

/// <summary>One outermost op.</summary>
/// <param name="Identity">Which operator.</param>
/// <param name="Signature">Hash of the operator and of the sizes of all blocks it used and allocated, in order.</param>
/// <param name="FirstEvent">Index of its first event; its events end where the next op's begin.</param>
/// <param name="Ticks">Stopwatch ticks since the op before it ended, without stalls; by the device's clock once <see cref="StepRecord.TakeDeviceTimes"/> was called.</param>
/// <param name="StallTicks">Stopwatch ticks that it waited, by the same clock.</param>
/// <param name="StallCause">The main reason.</param>
internal readonly record struct RecordedOp(OpIdentity Identity, ulong Signature, int FirstEvent, long Ticks, long StallTicks, StallCause StallCause);

/// <summary>
/// The op stream of one training step: which ops ran, what they did to which blocks, and how long they took. Filled while the step runs, under the
/// engine's lock; reused from step to step.
/// </summary>
internal sealed class StepRecord
{
    private long _lastEnd;
    private int _openFirst;
    private ulong _openHash;
    private bool _opOpen;
    private int _openAllocations;

    /// <summary>The ops so far.</summary>
    public List<RecordedOp> Ops { get; } = [];

    /// <summary>The events of all ops.</summary>
    public List<StreamEvent> Events { get; } = [];

    /// <summary>Number of the step in the session, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The first events, as long as they are frees before the first op: they end what the step before had left.</summary>
    public int LeadingFrees { get; private set; }

    /// <summary>Highest sum of bytes, seen at the end of an op, that belong to no block.</summary>
    public long BaselineBytes { get; set; }

    /// <summary>Stopwatch ticks from the begin of the step to its end, stalls included; 0 while it runs.</summary>
    public long WallTicks { get; private set; }

    private long BeganAt { get; set; }

    /// <summary>Empties the record for the next step.</summary>
    public void Begin(long number)
    {
        Ops.Clear();
        Events.Clear();
        Number = number;
        BaselineBytes = 0;
        LeadingFrees = 0;
        WallTicks = 0;
        BeganAt = _lastEnd = Stopwatch.GetTimestamp();
        OpenNext();
    }

    /// <summary>Ends the step: what passed since the last op belongs to that op.</summary>
    public void End()
    {
        long now = Stopwatch.GetTimestamp();
        WallTicks = now - BeganAt;
        if (Ops.Count > 0) Ops[^1] = Ops[^1] with { Ticks = Ops[^1].Ticks + now - _lastEnd };
    }

    /// <summary>Puts the device's times in the place of the host's, which only tell when the ops' kernels were launched. After <see cref="End"/>.</summary>
    /// <param name="ops">One for each op.</param>
    /// <param name="step">From the begin of the step to its end.</param>
    public void TakeDeviceTimes(IReadOnlyList<DeviceOpTime> ops, TimeSpan step)
    {
        if (ops.Count != Ops.Count) throw new ArgumentException($"{ops.Count} times for {Ops.Count} ops", nameof(ops));
        for (int op = 0; op < ops.Count; op++)
        {
            long stall = Ticks(ops[op].Stall);
            Ops[op] = Ops[op] with { Ticks = Ticks(ops[op].Run), StallTicks = stall, StallCause = stall > 0 ? Ops[op].StallCause : StallCause.None };
        }

        WallTicks = Ticks(step);
    }

    public void Used(TensorBlock block, bool isWritten)
    {
        _opOpen = true;
        Mix(block.Bytes, isWritten ? 2UL : 1UL);
        Events.Add(new StreamEvent(block, isWritten ? StreamEventKind.Write : StreamEventKind.Read));
    }

    public void Allocated(TensorBlock block)
    {
        _opOpen = true;
        Mix(block.Bytes, 3UL);
        block.Birth = new BlockBirth(Number, Ops.Count, _openAllocations++);
        Events.Add(new StreamEvent(block, StreamEventKind.Allocate));
    }

    /// <summary>A free between two ops belongs to the earlier one. It is no part of the signature: the garbage collector decides about some.</summary>
    public void Freed(TensorBlock block)
    {
        Events.Add(new StreamEvent(block, StreamEventKind.Free));
        if (_opOpen) return;
        _openFirst = Events.Count;
        if (Ops.Count == 0) LeadingFrees = Events.Count;
    }

    public void OpEnded(OpIdentity op, long stallTicks, StallCause cause)
    {
        long now = Stopwatch.GetTimestamp();
        Ops.Add(new RecordedOp(op, Combine(_openHash, op.Id), _openFirst, Math.Max(0, now - _lastEnd - stallTicks), stallTicks, cause));
        _lastEnd = now;
        OpenNext();
    }

    /// <summary>The events of an op; frees between it and the next are among them.</summary>
    public ReadOnlySpan<StreamEvent> EventsOf(int op)
    {
        int end = op + 1 < Ops.Count ? Ops[op + 1].FirstEvent : Events.Count;
        return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Events)[Ops[op].FirstEvent..end];
    }

    /// <summary>One step in the hash of a stream.</summary>
    public static ulong Combine(ulong hash, ulong value)
    {
        ulong mixed = (hash ^ value) * 0x9E3779B97F4A7C15UL;
        return mixed ^ (mixed >> 29);
    }

    private static long Ticks(TimeSpan time) => Math.Max(0, (long)(time.TotalSeconds * Stopwatch.Frequency));

    private void Mix(long bytes, ulong kind) => _openHash = Combine(Combine(_openHash, (ulong)bytes), kind);

    private void OpenNext()
    {
        _openFirst = Events.Count;
        _openHash = 0xA0761D6478BD642FUL;
        _openAllocations = 0;
        _opOpen = false;
    }
}
