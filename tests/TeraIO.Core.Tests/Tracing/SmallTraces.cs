using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Tracing;

/// <summary>Traces for tests of files: one written out, and random ones with every feature that a file must carry.</summary>
internal static class SmallTraces
{
    /// <summary>Persistent w, activation h, gradient g whose life wraps around the end.</summary>
    public static Trace ThreeOps()
    {
        var builder = new TraceBuilder(new TraceHeader("three ops", "a test", 4096, 128));
        int w = builder.AddTensor(new TraceTensor(1000, TensorKind.Parameter, IsPersistent: true, "w"));
        int h = builder.AddTensor(new TraceTensor(500, TensorKind.Activation, IsPersistent: false, "h"));
        int g = builder.AddTensor(new TraceTensor(1000, TensorKind.Gradient, IsPersistent: false, "g", IsMovable: false));
        builder.AddOp(new TraceOp("forward", 0.1, OpPhase.Forward, "layer"));
        builder.Access(w, AccessKind.Read);
        builder.Access(h, AccessKind.Create);
        builder.Access(g, AccessKind.Free);
        builder.AddOp(new TraceOp("backward", 1.0 / 3, OpPhase.Backward, "layer", 0, 64));
        builder.Access(h, AccessKind.Read | AccessKind.Free);
        builder.Access(g, AccessKind.Create);
        builder.AddOp(new TraceOp("update", 0.05, OpPhase.Update, null, 1));
        builder.Access(g, AccessKind.Read);
        builder.Access(w, AccessKind.Read | AccessKind.Write);
        return builder.Build();
    }

    public static Trace Random(int seed) => Random(new Random(seed), opCount: 1 + new Random(seed).Next(40));

    /// <summary>Every tensor lives somewhere, a third of them around the end of the iteration; names are anything.</summary>
    public static Trace Random(Random random, int opCount, int accessesPerOp = 3)
    {
        int tensorCount = opCount;
        var accesses = new Dictionary<int, AccessKind>[opCount];
        for (int op = 0; op < opCount; op++) accesses[op] = [];
        var builder = new TraceBuilder(new TraceHeader(Text(random), Text(random), random.Next(1 << 20), random.Next(1000)));
        for (int tensor = 0; tensor < tensorCount; tensor++)
        {
            bool isPersistent = random.Next(4) == 0;
            builder.AddTensor(new TraceTensor(
                1 + random.NextInt64(1L << random.Next(1, 34)), (TensorKind)random.Next(7), isPersistent, random.Next(3) == 0 ? null : Text(random), random.Next(5) != 0));
            int create = random.Next(opCount);
            int length = random.Next(Math.Min(opCount, 50));
            if (!isPersistent)
            {
                Add(create, tensor, AccessKind.Create);
                Add((create + length) % opCount, tensor, AccessKind.Free);
            }

            for (int use = 0; use < accessesPerOp - 1; use++)
                Add((create + random.Next(length + 1)) % opCount, tensor, random.Next(2) == 0 ? AccessKind.Read : AccessKind.Read | AccessKind.Write);
        }

        for (int op = 0; op < opCount; op++)
        {
            builder.AddOp(new TraceOp(
                Text(random), random.NextDouble() * Math.Pow(10, random.Next(-9, 3)), (OpPhase)random.Next(3), random.Next(2) == 0 ? null : Text(random), random.Next(3), random.Next(2) * random.Next(1000)));
            foreach ((int tensor, AccessKind kind) in accesses[op]) builder.Access(tensor, kind);
        }

        return builder.Build();

        void Add(int op, int tensor, AccessKind kind) => accesses[op][tensor] = accesses[op].GetValueOrDefault(tensor) | kind;
    }

    private static string Text(Random random)
    {
        string[] words = ["aten::addmm", "block3.attention", "a \"quoted\" one", "back\\slash", "tab\tand\nline", "Größe", "名前", "😀", "</script>", ""];
        return words[random.Next(words.Length)] + random.Next(20);
    }
}
