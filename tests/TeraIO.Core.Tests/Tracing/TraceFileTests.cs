using System.Diagnostics;
using System.Text;
using TeraIO.Core.Tracing;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Core.Tests.Tracing;

[TestFixture]
public class TraceFileTests
{
    private string _directory = "";

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-trace-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public FsCheck.Property What_is_written_is_read_back_to_the_last_bit() => Seeds.ForAll(static seed =>
    {
        Trace trace = SmallTraces.Random(seed);
        TraceEquality.AssertEqual(Read(Text(trace)), trace);
    });

    [TestCase("step.json")]
    [TestCase("step.json.gz")]
    public void A_file_is_read_back_and_nothing_stays_beside_it(string name)
    {
        string path = Path.Combine(_directory, name);
        TraceFile.Write(SmallTraces.ThreeOps(), path);
        TraceFile.Write(SmallTraces.ThreeOps(), path);
        TraceEquality.AssertEqual(TraceFile.Read(path), SmallTraces.ThreeOps());
        Assert.That(Directory.GetFiles(_directory), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void A_name_in_gz_is_compressed_and_a_compressed_file_of_any_name_is_read()
    {
        string path = Path.Combine(_directory, "step.json.gz");
        TraceFile.Write(SmallTraces.Random(new Random(1), 1000), path);
        Assert.That(File.ReadAllBytes(path).AsSpan(0, 2).ToArray(), Is.EqualTo(new byte[] { 0x1F, 0x8B }));
        string renamed = Path.Combine(_directory, "step.json");
        File.Move(path, renamed);
        Assert.That(TraceFile.Read(renamed).Ops.Length, Is.EqualTo(1000));
    }

    [Test]
    public void A_trace_is_written_for_people()
    {
        string expected = """
            {
              "format": "teraio-trace",
              "version": 1,
              "name": "three ops",
              "source": "a test",
              "baselineBytes": 4096,
              "tokens": 128,
              "tensors": [
                {"name":"w","bytes":1000,"kind":"parameter","persistent":true},
                {"name":"h","bytes":500,"kind":"activation"},
                {"name":"g","bytes":1000,"kind":"gradient","movable":false}
              ],
              "ops": [
                {"name":"forward","seconds":0.1,"phase":"forward","module":"layer","accesses":[{"t":0,"a":"r"},{"t":1,"a":"c"},{"t":2,"a":"f"}]},
                {"name":"backward","seconds":0.3333333333333333,"phase":"backward","module":"layer","workspaceBytes":64,"accesses":[{"t":1,"a":"rf"},{"t":2,"a":"c"}]},
                {"name":"update","seconds":0.05,"phase":"update","microBatch":1,"accesses":[{"t":2,"a":"r"},{"t":0,"a":"rw"}]}
              ]
            }

            """;
        Assert.That(Text(SmallTraces.ThreeOps()), Is.EqualTo(expected.ReplaceLineEndings("\n")));
    }

    [Test]
    public void A_person_may_write_names_sizes_comments_and_only_what_is_needed()
    {
        Trace trace = Read("""
            // by hand
            {
              "format": "teraio-trace", "version": 1,
              "tensors": [{"name": "w", "bytes": "4 MiB", "persistent": true}, {"name": "h", "bytes": 10}],
              "ops": [{"seconds": 1e-3, "name": "f", "accesses": [{"t": "h", "a": "frc"}, {"a": "wr", "t": "w"},]}, {"name": "idle", "seconds": 0}],
              "name": "after the ops", /* anywhere */
            }
            """);
        Assert.Multiple(() =>
        {
            Assert.That(trace.Header, Is.EqualTo(new TraceHeader("after the ops")));
            Assert.That(trace.Tensors[0].Bytes, Is.EqualTo(4 << 20));
            Assert.That(trace.Ops[0], Is.EqualTo(new TraceOp("f", 0.001)));
            Assert.That(trace.Accesses.ToArray(), Is.EqualTo(new[] { new TraceAccess(1, AccessKind.Create | AccessKind.Read | AccessKind.Free), new TraceAccess(0, AccessKind.Read | AccessKind.Write) }));
        });
    }

    [Test]
    public void The_example_of_the_documentation_is_read()
    {
        string text = File.ReadAllText(Documents.Find("docs/formats/trace.md"));
        string json = text.Split("```json")[1].Split("```")[0];
        Assert.That(Read(json).Ops.Length, Is.EqualTo(3));
    }

    [Test]
    public void A_byte_order_mark_is_let_pass() => Assert.That(Read("\uFEFF" + Text(SmallTraces.ThreeOps())).Ops.Length, Is.EqualTo(3));

    [Test]
    public void Tokens_that_straddle_the_buffers_end_are_whole()
    {
        // One byte at a time, so that every token is cut everywhere.
        Trace trace = SmallTraces.Random(new Random(7), 60);
        using var dripping = new DrippingStream(Encoding.UTF8.GetBytes(Text(trace)));
        TraceEquality.AssertEqual(TraceFile.Read(dripping), trace);
    }

    [Test]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        string path = Path.Combine(_directory, "step.json");
        TraceFile.Write(SmallTraces.ThreeOps(), path);
        Assert.That(() => Formats.FormatFile.Write(path, static stream =>
        {
            stream.Write("half"u8);
            throw new IOException("no space left");
        }), Throws.TypeOf<ConfigurationException>().With.Message.Contains(path).And.Message.Contains("no space left"));
        TraceEquality.AssertEqual(TraceFile.Read(path), SmallTraces.ThreeOps());
        Assert.That(Directory.GetFiles(_directory), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void A_file_that_is_not_there_or_a_place_that_cannot_be_written_is_named()
    {
        string path = Path.Combine(_directory, "missing", "step.json");
        Assert.That(() => TraceFile.Read(path), Throws.TypeOf<ConfigurationException>().With.Message.Contains(path));
        Assert.That(() => TraceFile.Write(SmallTraces.ThreeOps(), path), Throws.TypeOf<ConfigurationException>().With.Message.Contains(path));
        Assert.That(() => TraceFile.Read(_directory), Throws.TypeOf<ConfigurationException>().With.Message.Contains(_directory));
    }

    [Test]
    public void A_compressed_file_that_is_cut_off_or_damaged_is_refused()
    {
        string path = Path.Combine(_directory, "step.json.gz");
        TraceFile.Write(SmallTraces.Random(new Random(1), 2000), path);
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);
        Assert.That(() => TraceFile.Read(path), Throws.TypeOf<TraceFormatException>().With.Message.Contains(path));
        whole[whole.Length / 2] ^= 0xFF;
        whole[(whole.Length / 2) + 1] ^= 0xFF;
        File.WriteAllBytes(path, whole);
        Assert.That(() => TraceFile.Read(path), Throws.TypeOf<TraceFormatException>().With.Message.Contains(path));
    }

    [Test]
    public void A_hundred_thousand_ops_are_written_and_read_in_less_than_two_seconds_each()
    {
        Trace trace = SmallTraces.Random(new Random(3), 100_000, accessesPerOp: 5);
        string path = Path.Combine(_directory, "large.json");
        TraceFile.Write(SmallTraces.ThreeOps(), path); // code is compiled before the clock runs
        TraceFile.Read(path);
        var clock = Stopwatch.StartNew();
        TraceFile.Write(trace, path);
        TimeSpan write = clock.Elapsed;
        clock.Restart();
        Trace read = TraceFile.Read(path);
        TimeSpan readTime = clock.Elapsed;
        TestContext.Out.WriteLine($"{new FileInfo(path).Length / 1e6:0.0} MB, {trace.Accesses.Length} accesses: written in {write.TotalSeconds:0.00} s, read in {readTime.TotalSeconds:0.00} s");
        Assert.Multiple(() =>
        {
            Assert.That(read.Ops.Length, Is.EqualTo(100_000));
            Assert.That(write, Is.LessThan(TimeSpan.FromSeconds(2)));
            Assert.That(readTime, Is.LessThan(TimeSpan.FromSeconds(2)));
        });
    }

    private static string Text(Trace trace)
    {
        using var stream = new MemoryStream();
        TraceFile.Write(trace, stream);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static Trace Read(string text)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return TraceFile.Read(stream);
    }
}
