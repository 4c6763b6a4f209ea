using System.Text;
using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Tracing;

/// <summary>Every way in which a trace file can be wrong has a message that says where and which rule.</summary>
[TestFixture]
public class TraceFileRefusalTests
{
    private const string Head = """{"format":"teraio-trace","version":1,"tensors":[{"name":"w","bytes":8,"persistent":true},{"bytes":8}],""";

    [TestCase("", "the file is empty|not contain any JSON")]
    [TestCase("[]", "a trace must be an object")]
    [TestCase("{", "not valid JSON")]
    [TestCase("nonsense", "not valid JSON")]
    [TestCase("""{"format":"teraio-plan"}""", "\"teraio-trace\" is expected")]
    [TestCase("""{"version":2}""", "version is 2; this TeraIO reads version 1")]
    [TestCase("""{"version":1.5}""", "version must be a whole number")]
    [TestCase("""{"tensors":[]}""", "lacks the member \"version\"")]
    [TestCase("""{"version":1,"ops":[]}""", "write the tensors first")]
    [TestCase("""{"version":1,"tensors":[],"tensors":[]}""", "member \"tensors\" twice")]
    [TestCase("""{"version":1,"tensors":{}}""", "tensors must be an array")]
    [TestCase("""{"version":1,"tensors":[7]}""", "tensor 0 must be an object [{]...[}], not 7")]
    [TestCase("""{"version":1,"tensors":[{}]}""", "tensor 0 lacks the member \"bytes\"")]
    [TestCase("""{"version":1,"tensors":[{"bytes":0}]}""", "must have at least 1")]
    [TestCase("""{"version":1,"tensors":[{"bytes":-1}]}""", "must not be negative")]
    [TestCase("""{"version":1,"tensors":[{"bytes":9223372036854775808}]}""", "whole number below 2\\^63, not 9223372036854775808")]
    [TestCase("""{"version":1,"tensors":[{"bytes":1e3}]}""", "whole number")]
    [TestCase("""{"version":1,"tensors":[{"bytes":"lots"}]}""", "size such as \"64 MiB\"")]
    [TestCase("""{"version":1,"tensors":[{"bytes":8,"kind":"weight"}]}""", "kind is \"weight\"; it must be one of unknown, parameter")]
    [TestCase("""{"version":1,"tensors":[{"bytes":8,"persistent":"yes"}]}""", "persistent must be true or false")]
    [TestCase("""{"version":1,"tensors":[{"bytes":8,"size":8}]}""", "member \"size\", which version 1 of the format does not know")]
    [TestCase("""{"version":1,"tensors":[{"bytes":8,"name":"\ud800"}]}""", "half of a surrogate pair")]
    [TestCase(Head + """ "ops":[]}""", "The trace has no ops")]
    [TestCase(Head + """ "ops":[{"seconds":1}]}""", "lacks the member \"name\"")]
    [TestCase(Head + """ "ops":[{"name":"f"}]}""", "lacks the member \"seconds\"")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":-1}]}""", "seconds is -1; it must not be negative")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1e999}]}""", "must be a finite number, not 1e999")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":"NaN"}]}""", "must be a finite number, not \"NaN\"")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"phase":"sideways"}]}""", "one of forward, backward, update")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"microBatch":2147483648}]}""", "microBatch is 2147483648")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":2,"a":"r"}]}]}""", "names tensor 2; there are 2")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":-1,"a":"r"}]}]}""", "names tensor -1")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":"v","a":"r"}]}]}""", "\"v\", which is not among the tensors")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":""}]}]}""", "letters out of r")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":"rr"}]}]}""", "letters out of r")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":"x"}]}]}""", "letters out of r")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":0}]}]}""", "lacks the member \"a\"")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":"r"},{"t":"w","a":"w"}]}]}""", "names tensor 0 twice")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1}]}""", "Tensor 1 \\(unnamed\\) is not persistent and no op creates it")]
    [TestCase(Head + """ "ops":[{"name":"f","seconds":1,"accesses":[{"t":1,"a":"cf"}]}]} 1""", "not valid JSON")]
    [TestCase("""{"version":1,"tensors":[{"name":"w","bytes":8},{"name":"w","bytes":8}],"ops":[{"name":"f","seconds":1,"accesses":[{"t":"w","a":"r"}]}]}""", "several tensors have that name")]
    public void It_says_what_is_wrong(string text, string pattern) =>
        Assert.That(() => Read(text), Throws.TypeOf<TraceFormatException>().With.Message.Match(pattern).And.Message.StartsWith("test.json"));

    [Test]
    public void A_message_is_short_and_harmless_whatever_the_file_holds()
    {
        string[] texts = ["nul" + new string('x', 100_000), "{\"version\":1,\"tensors\":[],\"ops\":[{\"name\":\"\\u001b[2J" + new string('y', 4000) + "\",\"seconds\":2e9}]}"];
        foreach (string text in texts)
        {
            string message = Assert.Throws<TraceFormatException>(() => Read(text))!.Message;
            Assert.That(message, Has.Length.LessThan(700));
            Assert.That(message.Any(char.IsControl), Is.False);
        }
    }

    [Test]
    public void It_says_where()
    {
        var fault = Assert.Throws<TraceFormatException>(() => Read("{\n  \"format\": \"teraio-trace\",\n  \"version\": true}"));
        Assert.Multiple(() =>
        {
            Assert.That(fault!.Message, Does.StartWith("test.json, line 3, column 14 (byte 43):"));
            Assert.That(fault.Line, Is.EqualTo(3));
            Assert.That(fault.Offset, Is.EqualTo(43));
            Assert.That(fault.Path, Is.EqualTo("test.json"));
        });
    }

    [Test]
    public void It_says_where_far_into_a_file()
    {
        string lines = string.Concat(Enumerable.Range(0, 20_000).Select(static _ => "{\"bytes\":8,\"persistent\":true},\n"));
        string text = "{\"version\":1,\"tensors\":[\n" + lines + "{\"bytes\":false}";
        var fault = Assert.Throws<TraceFormatException>(() => Read(text));
        Assert.That(fault!.Message, Does.StartWith($"test.json, line 20002, column 10 (byte {text.IndexOf("false", StringComparison.Ordinal)}): bytes must be a whole number"));
    }

    [Test]
    public void A_broken_byte_is_found_where_it_stands()
    {
        byte[] bytes = Encoding.UTF8.GetBytes("""{"version":1,"name":"abc"}""");
        bytes[22] = 0xFF;
        using var stream = new MemoryStream(bytes);
        Assert.That(() => TraceFile.Read(stream, "test.json"), Throws.TypeOf<TraceFormatException>().With.Message.Match("name is not valid UTF-8|not valid JSON"));
    }

    [Test]
    public void Every_truncation_of_a_file_is_refused()
    {
        using var written = new MemoryStream();
        TraceFile.Write(SmallTraces.ThreeOps(), written);
        byte[] whole = written.ToArray();
        // The last bytes are "}" and a newline.
        for (int length = 0; length < whole.Length - 1; length++)
        {
            using var stream = new MemoryStream(whole, 0, length);
            Assert.That(() => TraceFile.Read(stream, "test.json"), Throws.TypeOf<TraceFormatException>(), $"cut after {length} bytes");
        }
    }

    private static readonly (string Name, FormatLimits Limits, string Rule)[] _limits =
    [
        ("bytes", FormatLimits.Default with { Bytes = 100 }, "more than 100 B"),
        ("ops", FormatLimits.Default with { Ops = 2 }, "more than 2 ops"),
        ("tensors", FormatLimits.Default with { Tensors = 2 }, "more than 2 tensors"),
        ("accesses", FormatLimits.Default with { Accesses = 3 }, "more than 3 accesses"),
        ("a name", FormatLimits.Default with { NameBytes = 8 }, "has 9 bytes; at most 8"),
        ("names", FormatLimits.Default with { TextBytes = 20 }, "names together have more than 20 B"),
        ("depth", FormatLimits.Default with { Depth = 3 }, "nested more than 3 deep"),
    ];

    [TestCaseSource(nameof(_limits))]
    public void A_limit_is_kept((string Name, FormatLimits Limits, string Rule) limit)
    {
        using var written = new MemoryStream();
        TraceFile.Write(SmallTraces.ThreeOps(), written);
        written.Position = 0;
        Assert.That(() => TraceFile.Read(written, "test.json", limit.Limits), Throws.TypeOf<TraceFormatException>().With.Message.Contains(limit.Rule));
    }

    private const long TenGigabytes = 10_000_000_000;

    [TestCase("", " ")]
    [TestCase("", "[")]
    [TestCase("{\"version\":1,\"tensors\":[{\"bytes\":8}", ",{\"bytes\":8}")]
    [TestCase("{\"version\":1,\"tensors\":[{\"bytes\":8,\"persistent\":true}],\"ops\":[{\"name\":\"f\",\"seconds\":0}", ",{\"name\":\"f\",\"seconds\":0,\"accesses\":[{\"t\":0,\"a\":\"r\"}]}")]
    [TestCase("{\"version\":1,\"tensors\":[{\"bytes\":8,\"persistent\":true}],\"ops\":[{\"name\":\"f\",\"seconds\":0,\"accesses\":[{\"t\":0,\"a\":\"r\"}", ",{\"t\":0,\"a\":\"r\"}")]
    [TestCase("{\"name\":\"", "a")]
    [TestCase("{\"version\":", "1")]
    [TestCase("/*", "a")]
    [TestCase("\0", "\0")]
    public void Ten_gigabytes_are_refused_in_bounded_memory(string prefix, string piece)
    {
        byte[] many = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, 65536 / piece.Length)));
        using var endless = new RepeatingStream(Encoding.UTF8.GetBytes(prefix), many, TenGigabytes);
        // A fifth of the default limits, to be quick; what the defaults cost is in docs/formats/fuzzing.md.
        FormatLimits limits = FormatLimits.Default with { Bytes = 200 << 20, Ops = 400_000, Tensors = 400_000, Accesses = 3_200_000 };
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => TraceFile.Read(endless, "huge.json", limits), Throws.TypeOf<TraceFormatException>());
        // All that was ever allocated, the garbage of growing lists and buffers included.
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(120_000_000));
    }

    private static void Read(string text)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        TraceFile.Read(stream, "test.json");
    }
}
