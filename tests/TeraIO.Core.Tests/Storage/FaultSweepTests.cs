using TeraIO.Core.Storage;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Storage;

/// <summary>
/// Every operation of a scripted workload fails once, alone or with all that follow. Whatever fails: a read gives the right bytes or a typed
/// error, nothing leaks, and the store goes on working.
/// </summary>
[TestFixture]
public class FaultSweepTests
{
    private static readonly int[] _sizes = [1, 5_000, 70_000, 200_000];

    private StoreDirectories _directories = null!;

    [SetUp]
    public void CreateDirectories() => _directories = new StoreDirectories(2);

    [TearDown]
    public void DeleteDirectories() => _directories.Dispose();

    [Test]
    public async Task Every_outcome_is_correct_bytes_or_a_typed_error_and_nothing_leaks([Values] FaultKind kind, [Values] bool forever)
    {
        int failed = await FaultSweep.RunAsync(kind, forever, plan => RunWorkload(plan, forever));

        Assert.That(failed, Is.GreaterThan(10), "the sweep met the operations of the workload");
        Assert.That(_directories.Entries(0).Concat(_directories.Entries(1)), Is.Empty);
    }

    private async Task RunWorkload(FaultPlan plan, bool forever)
    {
        using var store = TensorStore.Open(
            new StoreOptions
            {
                Paths = _directories.Paths,
                StripeSize = ByteSize.FromKiB(64),
                SegmentSize = ByteSize.FromKiB(256),
                QueueDepth = 4,
                ReadRetries = 1,
            },
            logger: null,
            backend => new FaultInjectingBackend(backend, plan));
        var copies = new List<StoredCopy>();
        for (int i = 0; i < _sizes.Length; i++)
        {
            if (Reserve(store, i, _sizes[i]) is { } copy)
                copies.Add(copy);
        }
        foreach (var copy in copies)
            await TryWrite(store, copy, seed: 1);
        foreach (var copy in copies)
            await TryRead(store, copy, seed: 1);
        foreach (var copy in copies.Where(static copy => copy.Bytes > 5_000))
            await TryWrite(store, copy, seed: 2);
        foreach (var copy in copies.Where(static copy => copy.Bytes > 5_000))
            await TryRead(store, copy, seed: 2);
        foreach (var copy in copies)
            store.Release(copy);
        AssertNothingLeaked(store, plan);
        if (!forever && plan.FaultsFired > 0)
            await AssertStillWorks(store);
    }

    private static StoredCopy? Reserve(TensorStore store, long tensorId, int bytes)
    {
        var used = store.Statistics.Used;
        try
        {
            return store.Reserve(tensorId, bytes);
        }
        catch (StorageFullException)
        {
            Assert.That(store.Statistics.Used, Is.EqualTo(used), "a refused reservation takes nothing");
            return null;
        }
    }

    private static async Task TryWrite(TensorStore store, StoredCopy copy, int seed)
    {
        using var source = UnmanagedBytes.Filled((int)copy.Bytes, seed);
        using var before = UnmanagedBytes.Filled((int)copy.Bytes, seed);
        try
        {
            await store.WriteAsync(copy, source.Address);
        }
        catch (TeraIOException)
        {
            Assert.That(copy.IsValid, Is.False, "a failed write leaves no copy to read");
        }
        Assert.That(source.Span.SequenceEqual(before.Span), Is.True, "a write never touches its source");
    }

    private static async Task TryRead(TensorStore store, StoredCopy copy, int seed)
    {
        if (!copy.IsValid)
            return;
        using var found = UnmanagedBytes.Filled((int)copy.Bytes, seed: 99);
        using var expected = UnmanagedBytes.Filled((int)copy.Bytes, seed);
        try
        {
            await store.ReadAsync(copy, found.Address);
        }
        catch (TeraIOException e)
        {
            Assert.That(e.TensorId, Is.EqualTo(copy.TensorId));
            expected.Span.Clear();
        }
        Assert.That(found.Span.SequenceEqual(expected.Span), Is.True, "a read gives all the right bytes, or an error and zeros");
    }

    private static void AssertNothingLeaked(TensorStore store, FaultPlan plan)
    {
        var where = $"operation {plan.Operations}";
        Assert.That(store.Statistics.Used, Is.EqualTo(ByteSize.Zero), where);
        Assert.That(store.TransfersInFlight, Is.Zero, where);
        foreach (var path in store.Paths)
            Assert.That(path.Engine.Counters.StrayCompletions, Is.Zero, where);
    }

    private static async Task AssertStillWorks(TensorStore store)
    {
        using var source = UnmanagedBytes.Filled(100_000, seed: 5);
        using var found = new UnmanagedBytes(source.Length);
        var copy = store.Reserve(7, source.Length);
        await store.WriteAsync(copy, source.Address);
        await store.ReadAsync(copy, found.Address);
        Assert.That(found.Span.SequenceEqual(source.Span), Is.True);
        store.Release(copy);
    }
}
