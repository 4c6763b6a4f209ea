using System.Diagnostics;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Studies;

/// <summary>Tensors that are written and read over and over, four at a time, on a store whose paths can be slowed down and made to fail.</summary>
internal sealed class PathLoad : IDisposable
{
    public const long TensorBytes = 8 << 20;
    private const int InFlight = 4;
    private const int TensorsPerLane = 3;

    private readonly NativeBlock _sources = new(InFlight * TensorsPerLane * TensorBytes);
    private readonly NativeBlock _targets = new(InFlight * TensorBytes);
    private readonly StoredCopy[] _copies = new StoredCopy[InFlight * TensorsPerLane];
    private long _bytes;
    private long _ended;
    private volatile bool _isStopping;

    /// <param name="options">Of the store.</param>
    /// <param name="devices">One per path, or null for paths as fast as they are.</param>
    public PathLoad(StoreOptions options, IReadOnlyList<EmulatedDevice>? devices)
    {
        Store = TensorStore.Open(options, null, (path, own) => CreateBackend(options, own, devices?[options.Paths.ToList().IndexOf(path)]));
        for (int i = 0; i < _copies.Length; i++)
        {
            new Random(i).NextBytes(SourceBytes(i));
            _copies[i] = Store.Reserve(i, TensorBytes);
        }

        for (int i = 0; i < _copies.Length; i++) Store.WriteAsync(_copies[i], Source(i)).AsTask().GetAwaiter().GetResult();
    }

    public TensorStore Store { get; }

    /// <summary>By path; empty for paths as fast as they are.</summary>
    public List<ThrottledBackend> Throttles { get; } = [];

    /// <summary>By path.</summary>
    public List<FailingWrites> Failures { get; } = [];

    /// <summary>Whole tensors moved so far.</summary>
    public long Ended => Interlocked.Read(ref _ended);

    /// <summary>Moves tensors for <paramref name="seconds"/>.</summary>
    /// <returns>Bytes per second of whole tensors.</returns>
    public double Run(TransferDirection direction, double seconds, Action? meanwhile = null)
    {
        _isStopping = false;
        long bytes = Interlocked.Read(ref _bytes);
        long start = Stopwatch.GetTimestamp();
        Task[] lanes = [.. Enumerable.Range(0, InFlight).Select(lane => RunLane(direction, lane))];
        do
        {
            meanwhile?.Invoke();
            Thread.Sleep(1);
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
        _isStopping = true;
        Task.WhenAll(lanes).GetAwaiter().GetResult();
        return (Interlocked.Read(ref _bytes) - bytes) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Tensors whose bytes in the store are not those that were written.</summary>
    public int CountLost()
    {
        int lost = 0;
        for (int i = 0; i < _copies.Length; i++)
        {
            Store.ReadAsync(_copies[i], _targets.Address).AsTask().GetAwaiter().GetResult();
            if (!_targets.Bytes(0, TensorBytes).SequenceEqual(SourceBytes(i))) lost++;
        }

        return lost;
    }

    public void Dispose()
    {
        Store.Dispose();
        _sources.Dispose();
        _targets.Dispose();
    }

    private FailingWrites CreateBackend(StoreOptions options, PathOptions own, EmulatedDevice? device)
    {
        int depth = own.QueueDepth!.Value;
        ITransferBackend backend = new NativeTransferBackend(options.Backend, depth, TransferLimits.ForQueueDepth(depth).MostRequests);
        if (device is not null)
        {
            var throttle = new ThrottledBackend(backend, device);
            Throttles.Add(throttle);
            backend = throttle;
        }

        var failing = new FailingWrites(backend);
        Failures.Add(failing);
        return failing;
    }

    private async Task RunLane(TransferDirection direction, int lane)
    {
        for (int i = 0; !_isStopping; i = (i + 1) % TensorsPerLane)
        {
            await Move(direction, lane, (lane * TensorsPerLane) + i);
            Interlocked.Add(ref _bytes, TensorBytes);
            Interlocked.Increment(ref _ended);
        }
    }

    private ValueTask Move(TransferDirection direction, int lane, int tensor) => direction == TransferDirection.Write
        ? Store.WriteAsync(_copies[tensor], Source(tensor))
        : Store.ReadAsync(_copies[tensor], _targets.Address + (nint)(lane * TensorBytes));

    private nint Source(int tensor) => _sources.Address + (nint)(tensor * TensorBytes);

    private Span<byte> SourceBytes(int tensor) => _sources.Bytes(tensor * TensorBytes, TensorBytes);
}
