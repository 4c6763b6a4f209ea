namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>Test programs shaped like training: weights used forward and backward, activations between, an update at the end.</summary>
internal static class Programs
{
    /// <summary>Weights are 0 .. <paramref name="layers"/>-1, activations 100 + layer, gradients 200 + layer.</summary>
    public static IEnumerable<ProgramOp> Training(int layers)
    {
        for (int layer = 0; layer < layers; layer++)
        {
            yield return new ProgramOp("aten::linear")
            {
                Reads = layer == 0 ? [layer] : [layer, 99 + layer],
                Creates = [100 + layer],
            };
        }

        for (int layer = layers - 1; layer >= 0; layer--)
        {
            yield return new ProgramOp("aten::linear_backward")
            {
                Reads = [layer, 100 + layer],
                Creates = [200 + layer],
                Frees = [100 + layer],
                IsBackward = true,
            };
        }

        for (int layer = 0; layer < layers; layer++)
        {
            yield return new ProgramOp("aten::add_") { Reads = [200 + layer], Writes = [layer], Frees = [200 + layer] };
        }
    }

    /// <summary>The same with two ops that no other step has, in the middle of the forward pass.</summary>
    public static IEnumerable<ProgramOp> WithDetour(int layers)
    {
        int op = 0;
        foreach (ProgramOp each in Training(layers))
        {
            if (op++ == 2)
            {
                yield return new ProgramOp("aten::norm") { Reads = [0] };
                yield return new ProgramOp("aten::isnan") { Reads = [1] };
            }

            yield return each;
        }
    }

    /// <summary>A random program over <paramref name="persistent"/> tensors; no op needs more than four blocks.</summary>
    public static List<ProgramOp> Random(Random random, int persistent)
    {
        var ops = new List<ProgramOp>();
        var temporaries = new List<int>();
        int created = 1000;
        int count = random.Next(12, 40);
        for (int i = 0; i < count; i++)
        {
            var reads = new HashSet<int>();
            for (int r = random.Next(3); r > 0; r--) reads.Add(temporaries.Count > 0 && random.Next(2) == 0 ? temporaries[random.Next(temporaries.Count)] : random.Next(persistent));
            int[] writes = random.Next(3) == 0 ? [random.Next(persistent)] : [];
            int[] creates = random.Next(2) == 0 ? [created++] : [];
            int[] frees = temporaries.Count > 3 || (temporaries.Count > 0 && random.Next(3) == 0) ? [temporaries[random.Next(temporaries.Count)]] : [];
            ops.Add(new ProgramOp($"aten::op{random.Next(5)}")
            {
                Reads = [.. reads.Except(writes)],
                Writes = writes,
                Creates = creates,
                Frees = frees,
                IsBackward = i > count / 2 && i < count * 3 / 4,
            });
            temporaries.RemoveAll(frees.Contains);
            temporaries.AddRange(creates);
        }

        ops.Add(new ProgramOp("aten::end") { Frees = [.. temporaries] });
        return ops;
    }
}
