using FsCheck;
using FsCheck.Fluent;
using TeraIO.Torch.Interop;
using TeraIO.Torch.Observation;

namespace TeraIO.Torch.Tests.Observation;

[TestFixture]
public class OperatorSchemaTests
{
    [TestCase("aten::mm(Tensor self, Tensor mat2) -> Tensor", 0b0UL)]
    [TestCase("aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)", 0b1UL)]
    [TestCase("aten::add.out(Tensor self, Tensor other, *, Scalar alpha=1, Tensor(a!) out) -> Tensor(a!)", 0b1000UL)]
    [TestCase("aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()", 0b1UL)]
    [TestCase("aten::_fused_adam_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor[] state_steps, *, float lr) -> ()", 0b1111UL)]
    [TestCase("aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", 0UL)]
    [TestCase("aten::upsample(Tensor x, int[2] size=[0, 1], str mode=\"a, b\", Tensor(a!) out) -> Tensor(a!)", 0b1000UL)]
    [TestCase("aten::native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)", 0b11000UL)]
    public void Knows_which_arguments_an_op_writes(string schema, ulong written)
    {
        Assert.That(OperatorSchema.Parse(schema).WrittenArguments, Is.EqualTo(written));
    }

    [TestCase("aten::t(Tensor(a) self) -> Tensor(a)", OpTraitFlags.MetadataOnly)]
    [TestCase("aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]", OpTraitFlags.MetadataOnly)]
    [TestCase("aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor", OpTraitFlags.MetadataOnly)]
    [TestCase("aten::t_(Tensor(a!) self) -> Tensor(a!)", OpTraitFlags.None)]
    [TestCase("aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", OpTraitFlags.None)]
    [TestCase("aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", OpTraitFlags.Transparent)]
    [TestCase("autograd::engine::evaluate_function: MmBackward0", OpTraitFlags.Transparent | OpTraitFlags.BackwardNode)]
    [TestCase("detach", OpTraitFlags.Transparent)]
    [TestCase("aten::_local_scalar_dense(Tensor self) -> Scalar", OpTraitFlags.ReturnsValues)]
    [TestCase("aten::equal(Tensor self, Tensor other) -> bool", OpTraitFlags.ReturnsValues)]
    [TestCase("x::y(Tensor self) -> (Tensor, float)", OpTraitFlags.ReturnsValues)]
    [TestCase("x::y(Tensor self) -> (Tensor(a!) out, Tensor[] rest)", OpTraitFlags.None)]
    [TestCase("aten::_flash(Tensor q) -> (Tensor output, Tensor logsumexp, SymInt max_q, SymInt max_k, Tensor rng_state)", OpTraitFlags.None)]
    [TestCase("aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()", OpTraitFlags.None)]
    public void Tells_views_and_composites_from_kernels(string schema, object flags)
    {
        Assert.That(OperatorSchema.Parse(schema).Flags, Is.EqualTo(flags));
    }

    [Test]
    public void Arguments_beyond_the_mask_share_its_last_bit()
    {
        string many = string.Join(", ", Enumerable.Range(0, 70).Select(i => $"Tensor a{i}"));

        Assert.That(OperatorSchema.Parse($"x::y({many}, Tensor(a!) out) -> Tensor(a!)").WrittenArguments, Is.EqualTo(1UL << 63));
    }

    [FsCheck.NUnit.Property]
    public Property Any_text_is_parsed_without_an_exception() => Prop.ForAll(
        ArbMap.Default.GeneratorFor<string>().ToArbitrary(),
        text => OperatorSchema.Parse(text ?? "").Name is not null);
}
