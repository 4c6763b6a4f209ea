using FsCheck;
using FsCheck.Fluent;
using TeraIO.Core.Storage;
using TeraIO.Core.Tests.Storage;
using TeraIO.Core.Transfers;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Tiers;

/// <summary>Random writes, reads, releases and hints under a budget of 1 MiB, against a dictionary of what was written last.</summary>
[TestFixture]
public class HostTierPropertyTests
{
    private StoreDirectories _directories = null!;

    [SetUp]
    public void CreateDirectories() => _directories = new StoreDirectories(2);

    [TearDown]
    public void DeleteDirectories() => _directories.Dispose();

    [FsCheck.NUnit.Property(MaxTest = 60)]
    public Property Bytes_are_never_lost_and_the_budget_is_never_exceeded() => Seeds.ForAll(seed =>
    {
        var random = new Random(seed);
        FaultPlan plan = Faults(random);
        using var store = Open(random, plan);
        var model = new Model(store);
        for (int i = 0; i < 60; i++)
            model.StepAsync(random).GetAwaiter().GetResult();
        model.CheckAllAsync().GetAwaiter().GetResult();
        Assert.That(store.Statistics.HostMemory!.Peak, Is.LessThanOrEqualTo(HostTierStores.Budget));
    });

    [FsCheck.NUnit.Property(MaxTest = 15)]
    public Property Neither_are_they_by_four_at_once() => Seeds.ForAll(seed =>
    {
        var random = new Random(seed);
        using var store = Open(random, Faults(random));
        Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            var own = new Random(seed + worker);
            var model = new Model(store);
            for (int i = 0; i < 40; i++)
                await model.StepAsync(own);
            await model.CheckAllAsync();
            model.ReleaseAll();
        }))).GetAwaiter().GetResult();
        HostTierStores.Spilled(store).GetAwaiter().GetResult();
        Assert.That(store.Statistics.HostMemory!.Peak, Is.LessThanOrEqualTo(HostTierStores.Budget));
        Assert.That((store.Statistics.Used, store.Statistics.HostMemory.Resident), Is.EqualTo((ByteSize.Zero, ByteSize.Zero)));
    });

    /// <summary>None, a path that takes no writes, no path that takes writes, or a full disk from some write on.</summary>
    private FaultPlan Faults(Random random)
    {
        int choice = random.Next(4);
        var plan = choice == 3 ? FaultPlan.Nth(FaultKind.NoSpace, random.Next(1, 60), forever: true) : FaultPlan.None();
        if (choice == 1)
            plan.AddBadRange(_directories[0], 0, long.MaxValue, reads: false);
        else if (choice == 2)
            plan.AddBadRange("store.bin", 0, long.MaxValue, reads: false);
        return plan;
    }

    private TensorStore Open(Random random, FaultPlan plan) => TensorStore.Open(
        HostTierStores.Options(_directories.Paths, random.Next(4) == 0 ? HostMemoryMode.WriteThrough : HostMemoryMode.WriteBack),
        logger: null,
        backend => new FaultInjectingBackend(backend, plan));

    private sealed class Model(TensorStore store)
    {
        private sealed record Entry(StoredCopy Copy)
        {
            public int Seed { get; set; }
            public bool IsWritten { get; set; }
            public bool IsSpare { get; set; }
        }

        private readonly List<Entry> _entries = [];
        private int _nextSeed;

        public async Task StepAsync(Random random)
        {
            int choice = random.Next(10);
            if (_entries.Count == 0 || choice < 3) Reserve(random);
            if (_entries.Count == 0) return;
            Entry entry = _entries[random.Next(_entries.Count)];
            if (choice < 6) await WriteAsync(entry, random);
            else if (choice < 8) await CheckAsync(entry);
            else if (choice == 8) MarkSpareOrKeep(entry, random);
            else Release(entry);
        }

        public async Task CheckAllAsync()
        {
            foreach (Entry entry in _entries) await CheckAsync(entry);
        }

        public void ReleaseAll()
        {
            while (_entries.Count > 0) Release(_entries[0]);
        }

        private void Reserve(Random random)
        {
            try
            {
                _entries.Add(new Entry(store.Reserve(_entries.Count, random.Next(1, 400_000))));
            }
            catch (StorageFullException)
            {
                // Injected.
            }
        }

        private async Task WriteAsync(Entry entry, Random random)
        {
            entry.Seed = _nextSeed++;
            entry.IsSpare = false;
            using UnmanagedBytes source = Filled(entry);
            var hint = new WriteHint((WriteTarget)random.Next(3), random.Next(2) == 0 ? long.MaxValue : random.Next(1000));
            try
            {
                await store.Write(entry.Copy, source.Address, TransferPriority.Normal, continuesInline: false, hint);
                entry.IsWritten = true;
            }
            catch (TeraIOException)
            {
                entry.IsWritten = false;
                Assert.That(entry.Copy.IsValid, Is.False, "a failed write leaves no copy to read");
            }
        }

        private async Task CheckAsync(Entry entry)
        {
            if (entry.IsSpare) entry.IsWritten = store.HostTier!.Claim(entry.Copy); // else it was dropped, as it may be
            entry.IsSpare = false;
            Assert.That(entry.Copy.IsValid, Is.EqualTo(entry.IsWritten));
            if (!entry.IsWritten) return;
            using UnmanagedBytes expected = Filled(entry);
            byte[] found = await HostTierStores.Read(store, entry.Copy);
            Assert.That(expected.Span.SequenceEqual(found), Is.True, $"tensor {entry.Copy.TensorId}");
        }

        private void MarkSpareOrKeep(Entry entry, Random random)
        {
            if (!entry.IsWritten) return;
            if (!entry.IsSpare && random.Next(2) == 0)
            {
                store.MarkSpare(entry.Copy);
                entry.IsSpare = true;
                return;
            }

            using UnmanagedBytes source = Filled(entry);
            bool matches = store.Matches(entry.Copy, source.Address);
            Assert.That(matches, Is.EqualTo(entry.Copy.IsValid));
            Assert.That(matches || entry.IsSpare, Is.True, "only a spare copy is dropped");
            (entry.IsWritten, entry.IsSpare) = (matches, false);
        }

        private void Release(Entry entry)
        {
            store.Release(entry.Copy);
            _entries.Remove(entry);
        }

        /// <summary>The bytes that the entry's seed stands for.</summary>
        private static UnmanagedBytes Filled(Entry entry) => UnmanagedBytes.Filled((int)entry.Copy.Bytes, entry.Seed);
    }
}
