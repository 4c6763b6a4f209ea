using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Tracing;

/// <summary>Two traces say the same, to the last bit of every duration.</summary>
internal static class TraceEquality
{
    public static void AssertEqual(Trace actual, Trace expected)
    {
        Assert.Multiple(() =>
        {
            Assert.That(actual.Header, Is.EqualTo(expected.Header));
            Assert.That(actual.Tensors.ToArray(), Is.EqualTo(expected.Tensors.ToArray()));
            Assert.That(actual.Ops.ToArray(), Is.EqualTo(expected.Ops.ToArray()));
            Assert.That(actual.Accesses.ToArray(), Is.EqualTo(expected.Accesses.ToArray()));
            for (int op = 0; op < Math.Min(actual.Ops.Length, expected.Ops.Length); op++)
                Assert.That(actual.AccessesOf(op).Length, Is.EqualTo(expected.AccessesOf(op).Length), $"accesses of op {op}");
        });
    }
}
