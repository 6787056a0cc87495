"""What the rules of mambac.bzl and mambac_cuda.bzl share: running mambac on a model's folder, and handing out what it wrote."""

# "target", so that mambac is not built a second time for the machine that builds: it is the same one.
MAMBAC_ATTRIBUTES = {
    "artifact": attr.string(mandatory = True),
    "model": attr.label(mandatory = True, allow_files = True),
    "_mambac": attr.label(default = "//generator:mambac", executable = True, cfg = "target"),
}

def run_mambac(ctx, outputs, command, arguments, mnemonic, progress_message, inputs = [], environment = {}):
    """Runs `command`, which knows $mambac, $model, $name and the outputs by their keys.

    Args:
      ctx: of a rule with MAMBAC_ATTRIBUTES.
      outputs: declared files by name; "source" is what the target itself stands for, each is an output group.
      command: of bash.
      arguments: of the command.
      mnemonic: of the action.
      progress_message: of the action.
      inputs: files beside the model's.
      environment: variables beside those above.

    Returns:
      the rule's providers.
    """
    model = [file for file in ctx.files.model if file.basename == "config.json"]
    if len(model) != 1:
        fail("%s holds %d files named config.json; a model has one" % (ctx.attr.model.label, len(model)))
    variables = {key: file.path for key, file in outputs.items()}
    variables.update(environment)
    variables.update(mambac = ctx.executable._mambac.path, model = model[0].dirname, name = ctx.attr.artifact)
    ctx.actions.run_shell(
        outputs = outputs.values(),
        inputs = ctx.files.model + inputs,
        tools = [ctx.executable._mambac],
        command = command,
        arguments = arguments,
        env = variables,
        mnemonic = mnemonic,
        progress_message = progress_message,
    )
    return [
        DefaultInfo(files = depset([outputs["source"]])),
        OutputGroupInfo(**{key: depset([file]) for key, file in outputs.items()}),
    ]

def output_groups(name, outputs, visibility):
    """A target for each of the outputs of `name`_source: NAME_weights, NAME_library_source and so on."""
    for output in outputs:
        native.filegroup(
            name = name + ("_weights" if output == "weights" else "_" + output + "_source"),
            srcs = [name + "_source"],
            output_group = output,
            visibility = visibility,
        )
