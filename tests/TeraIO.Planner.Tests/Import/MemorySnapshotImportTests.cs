using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.TestSupport.Import;

namespace TeraIO.Planner.Tests.Import;

[TestFixture]
public class MemorySnapshotImportTests
{
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(5)]
    public void A_snapshot_becomes_lifetimes_without_uses(int protocol)
    {
        Trace trace = Import(PickleBytes.Of(PickleBytes.Snapshot(), protocol));
        Assert.Multiple(() =>
        {
            Assert.That(trace.Ops.ToArray().Select(static op => op.Name), Is.EqualTo(new[] { "before the history", "alloc", "alloc", "alloc" }));
            Assert.That(trace.Ops.ToArray().Select(static op => op.Seconds), Is.EqualTo(new[] { 0, 10e-6, 20e-6, 0 }).Within(1e-12));
            Assert.That(Lives(trace), Is.EquivalentTo(new[]
            {
                "3000 forward (net.py:12) 0-1", // freed without having been allocated: from before
                "1000 forward (net.py:12) 1-2",
                "500 forward (net.py:12) 2-3",
                "700 forward (net.py:12) 3-3", // still there at the end
                "2000  always", // in a segment, never in the history
            }));
            Assert.That(trace.Header.Source, Does.Contain("cuda:0").And.Contain("without uses").And.Not.Contain("no times"));
        });
    }

    [Test]
    public void A_snapshot_without_times_says_so()
    {
        Trace trace = Import(PickleBytes.Of(PickleBytes.Snapshot(hasTimes: false)), new ImportOptions { SecondsPerOp = 0.5 });
        Assert.That(trace.Header.Source, Does.Contain("no times"));
        Assert.That(trace.IdealSeconds, Is.EqualTo(2));
    }

    [Test]
    public void A_list_of_segments_alone_is_read_too()
    {
        Trace trace = Import(PickleBytes.Of(PickleBytes.Snapshot()["segments"]));
        Assert.That(Lives(trace), Is.EqualTo(new[] { "700 forward (net.py:12) always", "2000  always" }));
    }

    [Test]
    public void An_address_that_is_allocated_twice_ends_the_first_block()
    {
        Dictionary<string, object?> snapshot = PickleBytes.Snapshot();
        var history = (List<object?>)((List<object?>)snapshot["device_traces"]!)[0]!;
        history.RemoveAll(static entry => ((Dictionary<string, object?>)entry!)["addr"] is 4096L && (string)((Dictionary<string, object?>)entry)["action"]! == "free_completed");
        Assert.That(Lives(Import(PickleBytes.Of(snapshot))), Has.Member("1000 forward (net.py:12) 1-2"));
    }

    [Test]
    public void Devices_are_kept_apart()
    {
        byte[] pickle = PickleBytes.Of(PickleBytes.Snapshot());
        Assert.That(Import(pickle, new ImportOptions { Device = "cuda:0" }).Ops.Length, Is.EqualTo(4));
        Assert.That(() => Import(pickle, new ImportOptions { Device = "cuda:1" }), Throws.TypeOf<TraceFormatException>().With.Message.Contains("devices in it are cuda:0"));
        Assert.That(() => Import(pickle, new ImportOptions { Device = "cpu" }), Throws.TypeOf<TraceFormatException>());
    }

    [Test]
    public void What_is_no_snapshot_is_refused()
    {
        foreach (object? value in (object?[])[null, 7, "text", new List<object?>(), new Dictionary<string, object?> { ["weights"] = 1 }])
            Assert.That(() => Import(PickleBytes.Of(value)), Throws.TypeOf<TraceFormatException>().With.Message.Contains("is it a snapshot of torch.cuda.memory?"));
    }

    [TestCase("size", -1L, "the size -1")]
    [TestCase("size", "big", "the size \"big\"")]
    [TestCase("size", null, "the size a none")]
    [TestCase("addr", 1.5, "the address a real")]
    [TestCase("action", 3, "has no \"action\"")]
    public void A_bad_entry_is_named(string key, object? value, string rule)
    {
        Dictionary<string, object?> snapshot = PickleBytes.Snapshot();
        var history = (List<object?>)((List<object?>)snapshot["device_traces"]!)[0]!;
        ((Dictionary<string, object?>)history[1]!)[key] = value;
        Assert.That(() => Import(PickleBytes.Of(snapshot)), Throws.TypeOf<TraceFormatException>().With.Message.Contains(rule).And.Message.StartsWith("snapshot.pickle"));
    }

    [Test]
    public void A_list_that_is_shared_a_million_times_is_refused_early()
    {
        // The same small list of segments again and again: little to read, endless to walk.
        List<object?> segments = [.. Enumerable.Repeat(((List<object?>)PickleBytes.Snapshot()["segments"]!)[0], 2000)];
        byte[] pickle = PickleBytes.Of(new Dictionary<string, object?> { ["segments"] = segments, ["device_traces"] = new List<object?>() });
        Assert.That(() => Import(pickle, new ImportOptions { Limits = FormatLimits.Default with { Tensors = 3000 } }), Throws.TypeOf<TraceFormatException>().With.Message.Contains("more than 3000 blocks"));
    }

    private static string[] Lives(Trace trace)
    {
        var lives = new (int Create, int Free)[trace.Tensors.Length];
        lives.AsSpan().Fill((-1, -1));
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (TraceAccess access in trace.AccessesOf(op))
            {
                if (access.Kind.HasFlag(AccessKind.Create)) lives[access.Tensor].Create = op;
                if (access.Kind.HasFlag(AccessKind.Free)) lives[access.Tensor].Free = op;
            }
        }

        return [.. trace.Tensors.ToArray().Select((tensor, i) => $"{tensor.Bytes} {tensor.Name} {(tensor.IsPersistent ? "always" : $"{lives[i].Create}-{lives[i].Free}")}")];
    }

    private static Trace Import(byte[] pickle, ImportOptions? options = null)
    {
        using var stream = new MemoryStream(pickle);
        return TraceImporter.Read(stream, "snapshot.pickle", options);
    }
}
