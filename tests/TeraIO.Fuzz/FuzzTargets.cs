using System.IO.Compression;
using System.Text;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.TestSupport.Import;

namespace TeraIO.Fuzz;

/// <summary>The parsers of foreign bytes: traces, plans, execution traces, memory snapshots, and all of them through gzip.</summary>
internal static class FuzzTargets
{
    private static readonly byte[][] _jsonTokens = Pieces(
        "{", "}", "[", "]", ":", ",", "\"", "\\u0000", "\\ud800", "\\", "null", "true", "false", "0", "-1", "1e999", "-0", "0.1", "1e-400", "9223372036854775807", "9223372036854775808", "2147483648", "-9223372036854775809",
        "99999999999999999999999999999999999999", "//", "/*", "*/", "\n", "\0", "\uFEFF", "\u00ff", "{\"t\":0,\"a\":\"rwcf\"}", "\"version\":1", "\"ops\":[]", "\"tensors\":[]", "\"nodes\":[]", "\"bytes\":1");

    private static readonly byte[][] _pickleTokens =
    [
        .. Enumerable.Range(0, 256).Select(static opcode => new[] { (byte)opcode }),
        [0x8C, 0xFF], [0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [(byte)'X', 0xFF, 0xFF, 0xFF, 0xFF], [0x8A, 0xFF], [0x8B, 0xFF, 0xFF, 0xFF, 0xFF],
        [(byte)'r', 0xFF, 0xFF, 0xFF, 0xFF], [(byte)'j', 0xFF, 0xFF, 0xFF, 0xFF], [(byte)'q', 0], [(byte)'h', 0], [(byte)'h', 1, (byte)'a'], [(byte)'2', (byte)'a'], "cos\nsystem\n"u8.ToArray(), ")R"u8.ToArray(), [0x80, 9],
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } = [Trace(), Plan(), ExecutionTrace(), Snapshot(), Compressed()];

    private static FuzzTarget Trace() => new("trace", [.. Traces()], _jsonTokens, static input =>
    {
        Core.Tracing.Trace trace = TraceFile.Read(Stream(input), "fuzz");
        // What was accepted can be written and is read back as the same.
        using var written = new MemoryStream();
        TraceFile.Write(trace, written);
        Core.Tracing.Trace again = TraceFile.Read(Stream(written.ToArray()), "again");
        if (!again.Accesses.SequenceEqual(trace.Accesses) || !again.Ops.SequenceEqual(trace.Ops) || again.Header != trace.Header) throw new InvalidOperationException("A trace is not read back as it was written.");
    });

    private static FuzzTarget Plan()
    {
        Core.Tracing.Trace trace = PlannedTrace();
        return new FuzzTarget("plan", [.. Plans()], _jsonTokens, input =>
        {
            MigrationPlan plan = PlanFile.Read(Stream(input), "fuzz");
            PlanValidation.Check(plan, trace);
        });
    }

    private static FuzzTarget ExecutionTrace() => new(
        "execution trace",
        [.. new[] { "1.0.1", "1.1.0-chakra.0.0.4" }.Select(static schema => Encoding.UTF8.GetBytes(EtText.TrainingStep(schema).ToString()))],
        _jsonTokens,
        static input => TraceImporter.Read(Stream(input), "fuzz"));

    private static FuzzTarget Snapshot() => new(
        "memory snapshot",
        [PickleBytes.Of(PickleBytes.Snapshot(), 2), PickleBytes.Of(PickleBytes.Snapshot(hasTimes: false)), PickleBytes.Of(PickleBytes.Snapshot()["segments"])],
        _pickleTokens,
        static input => TraceImporter.Read(Stream(input), "fuzz"));

    private static FuzzTarget Compressed() => new(
        "gzip",
        [.. Traces().Append(PickleBytes.Of(PickleBytes.Snapshot())).Select(Compress)],
        _pickleTokens,
        static input =>
        {
            using var unpacked = new GZipStream(Stream(input), CompressionMode.Decompress);
            TraceImporter.Read(unpacked, "fuzz");
        });

    private static IEnumerable<byte[]> Traces()
    {
        using var stream = new MemoryStream();
        TraceFile.Write(PlannedTrace(), stream);
        yield return stream.ToArray();
        yield return Encoding.UTF8.GetBytes("""
            // by hand
            {"format": "teraio-trace", "version": 1, "name": "two \u00e9", "tensors": [{"name": "w", "bytes": "4 MiB", "kind": "parameter", "persistent": true}, {"name": "h", "bytes": 16, "movable": false}],
             "ops": [{"name": "f", "seconds": 1e-3, "module": null, "accesses": [{"t": "w", "a": "r"}, {"t": "h", "a": "crw"}]}, {"name": "b", "seconds": 0.25, "phase": "backward", "microBatch": 1, "workspaceBytes": "1KiB", "accesses": [{"t": 1, "a": "rf"}]},],
             "baselineBytes": 12, "tokens": 4096, "source": "x" /* end */ }
            """);
    }

    private static Core.Tracing.Trace PlannedTrace()
    {
        var builder = new TraceBuilder(new TraceHeader("fuzz", "a seed", 4096, 128));
        int weight = builder.AddTensor(new TraceTensor(1000, TensorKind.Parameter, IsPersistent: true, "w"));
        for (int layer = 0; layer < 4; layer++)
        {
            int tensor = builder.AddTensor(new TraceTensor(500 + layer, TensorKind.Activation, IsPersistent: false, $"h{layer}"));
            builder.AddOp(new TraceOp("forward", 0.1, OpPhase.Forward, "layer" + layer, 0, 64));
            builder.Access(weight, AccessKind.Read);
            builder.Access(tensor, AccessKind.Create);
        }

        for (int tensor = 4; tensor >= 1; tensor--)
        {
            builder.AddOp(new TraceOp("backward", 0.2, OpPhase.Backward));
            builder.Access(weight, tensor == 1 ? AccessKind.Read | AccessKind.Write : AccessKind.Read);
            builder.Access(tensor, AccessKind.Read | AccessKind.Free);
        }

        return builder.Build();
    }

    private static IEnumerable<byte[]> Plans()
    {
        PlannedMigration[][] plans =
        [
            [],
            [Move(MigrationKind.Offload, 1, 501, 0, 2), Move(MigrationKind.Offload, 2, 502, 1, 3), Move(MigrationKind.Prefetch, 2, 502, 5, 6), Move(MigrationKind.Prefetch, 1, 501, 6, 7)],
            [Move(MigrationKind.Discard, 1, 500, 0, 1), Move(MigrationKind.Recompute, 1, 500, 7, 7)],
        ];
        foreach (PlannedMigration[] migrations in plans)
        {
            // The first layer's activation has 500 bytes, the second's 501: plans with a wrong size begin in the refusal.
            using var stream = new MemoryStream();
            PlanFile.Write(MigrationPlan.OnDemand(PlannedTrace(), 2000, EvictionOrder.LeastRecentlyUsed, "fuzz") with { Migrations = migrations }, stream);
            yield return stream.ToArray();
        }
    }

    private static PlannedMigration Move(MigrationKind kind, int tensor, long bytes, int issueOp, int deadlineOp) =>
        new(kind, tensor, 0, Math.Min(bytes, 499 + tensor), MemoryTier.Ssd, kind == MigrationKind.Offload, issueOp, deadlineOp);

    private static byte[] Compress(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var packed = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true)) packed.Write(content);
        return stream.ToArray();
    }

    private static byte[][] Pieces(params string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];

    private static MemoryStream Stream(byte[] input) => new(input, writable: false);
}
