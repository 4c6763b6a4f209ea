using System.Text;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;
using TeraIO.TestSupport;
using TeraIO.TestSupport.Import;

namespace TeraIO.Planner.Tests.Import;

/// <summary>Plain values are read; everything that could call or make something is refused by name.</summary>
[TestFixture]
public class PickleReaderTests
{
    [Test]
    public void Plain_values_are_read([Values(2, 4)] int protocol)
    {
        object?[] numbers = [0, 255, 256, 65535, 65536, -1, int.MaxValue, (long)int.MaxValue + 1, long.MinValue, long.MaxValue];
        var value = new Dictionary<string, object?>
        {
            ["numbers"] = numbers,
            ["real"] = 0.1,
            ["yes"] = true,
            ["no"] = false,
            ["none"] = null,
            ["text"] = "Größe 名前",
            ["long"] = new string('x', 70_000),
            ["pair"] = new object?[] { 1, "real" },
            ["empty"] = new object?[] { Array.Empty<object?>(), new List<object?>(), new Dictionary<string, object?>() },
        };
        PickleValue read = Read(PickleBytes.Of(value, protocol));
        Assert.Multiple(() =>
        {
            Assert.That(read["numbers"].Items.Select(static item => item.AsInteger), Is.EqualTo(numbers.Select(static number => Convert.ToInt64(number, null))));
            Assert.That(read["real"].Kind, Is.EqualTo(PickleKind.Real));
            Assert.That(read["yes"].Kind, Is.EqualTo(PickleKind.Boolean));
            Assert.That(read["none"].Kind, Is.EqualTo(PickleKind.None));
            Assert.That(read["text"].AsText, Is.EqualTo("Größe 名前"));
            Assert.That(read["long"].AsText, Has.Length.EqualTo(70_000));
            Assert.That(read["pair"].Items[1].AsText, Is.EqualTo("real"));
            Assert.That(read["empty"].Items, Has.Count.EqualTo(3));
            Assert.That(read["missing"].Kind, Is.EqualTo(PickleKind.None));
        });
    }

    [TestCase("cos\nsystem\n.", "GLOBAL")]
    [TestCase("\u008c\u0002os\u008c\u0006system\u0093.", "STACK_GLOBAL")]
    [TestCase(")R.", "REDUCE")]
    [TestCase("}b.", "BUILD")]
    [TestCase("(ios\nsystem\n.", "INST")]
    [TestCase("(o.", "OBJ")]
    [TestCase(")\u0081.", "NEWOBJ")]
    [TestCase("\u0092.", "NEWOBJ_EX")]
    [TestCase("P1\n.", "PERSID")]
    [TestCase("K\u0001Q.", "BINPERSID")]
    [TestCase("\u0082\u0001.", "EXT1")]
    public void What_would_run_code_is_refused_by_name(string opcodes, string name) =>
        Assert.That(() => Read(Opcodes(opcodes)), Throws.TypeOf<TraceFormatException>().With.Message.Contains($"opcode {name}, which would make or call").And.Message.StartsWith("test.pickle, byte "));

    [TestCase("", "an end before STOP")]
    [TestCase(".", "STOP leaves 0 values")]
    [TestCase("NN.", "STOP leaves 2 values")]
    [TestCase("(N.", "STOP leaves 1 values")]
    [TestCase("e", "none was begun")]
    [TestCase("a", "1 values from a stack of 0")]
    [TestCase("N(a", "1 values from a stack of 0")]
    [TestCase("NNs", "from an empty stack")]
    [TestCase("NNNs", "adds to a none where a dictionary is needed")]
    [TestCase("](NNu", "adds to a list where a dictionary is needed")]
    [TestCase("}(Nu", "a key and no value")]
    [TestCase("h\u0000", "memo number 0 is used and was never set")]
    [TestCase("Nr\u00ff\u00ff\u00ff\u007f", "memo number 2147483647 where 0 is next")]
    [TestCase("X\u00ff\u00ff\u00ff\u00ff", "a string of 4294967295 bytes")]
    [TestCase("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "a string of 18446744073709551615 bytes")]
    [TestCase("\u008b\u00ff\u00ff\u00ff\u00ff", "a number of 4294967295 bytes")]
    [TestCase("\u0080\u0009", "protocol 9")]
    [TestCase("I1\n.", "opcode 0x49")]
    public void What_is_broken_is_refused(string opcodes, string rule) =>
        Assert.That(() => Read(Opcodes(opcodes)), Throws.TypeOf<TraceFormatException>().With.Message.Contains(rule));

    [Test]
    public void Every_truncation_is_refused()
    {
        byte[] whole = PickleBytes.Of(PickleBytes.Snapshot());
        for (int length = 0; length < whole.Length; length++)
            Assert.That(() => Read(whole[..length]), Throws.TypeOf<TraceFormatException>(), $"cut after {length} bytes");
    }

    [Test]
    public void A_list_may_hold_itself()
    {
        PickleValue value = Read(Opcodes("]q\u0000h\u0000a."));
        Assert.That(value.Items[0].Items, Is.SameAs(value.Items));
    }

    [TestCase("N")]
    [TestCase("]")]
    [TestCase("(")]
    [TestCase("}")]
    [TestCase("N\u0094")]
    [TestCase("K\u0001\u0085")]
    [TestCase("\u008c\u0004abcd")]
    public void Ten_gigabytes_are_refused_in_bounded_memory(string piece)
    {
        byte[] bytes = Opcodes(string.Concat(Enumerable.Repeat(piece, 65536 / piece.Length)))[2..];
        using var endless = new RepeatingStream([0x80, 4], bytes, 10_000_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        FormatLimits limits = FormatLimits.Default with { Accesses = 4_000_000 };
        Assert.That(() => new PickleReader(endless, "huge.pickle", limits).Read(), Throws.TypeOf<TraceFormatException>().With.Message.Contains("more than 4000000 values"));
        // All that was ever allocated, garbage of growing lists included.
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(700_000_000));
    }

    private static byte[] Opcodes(string text) => [0x80, 4, .. Encoding.Latin1.GetBytes(text)];

    private static PickleValue Read(byte[] pickle)
    {
        using var stream = new MemoryStream(pickle);
        return new PickleReader(stream, "test.pickle", FormatLimits.Default).Read();
    }
}
