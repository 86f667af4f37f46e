"""aws_setup.py ENDPOINT [iam]: makes keys, an alias and, with iam, users and a role with policies in an AWS double;
prints NAME=VALUE lines. Runs in the double's own virtual environment."""
import json
import sys

import boto3

endpoint, with_iam = sys.argv[1], "iam" in sys.argv[2:]


def client(name):
    return boto3.client(name, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="AKIDSETUP",
                        aws_secret_access_key="setup")


def policy(actions):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


def user(iam, name, actions):
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(actions))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


kms = client("kms")
out = {}
for name in ("KEY", "OTHER", "DISABLED", "PENDING", "ROTATED"):
    meta = kms.create_key(Description="schloss tests")["KeyMetadata"]
    out[name] = meta["Arn"]
kms.create_alias(AliasName="alias/schloss", TargetKeyId=out["KEY"].rpartition("/")[2])
out["ALIAS"] = out["KEY"].rpartition(":")[0] + ":alias/schloss"
if with_iam:
    iam = client("iam")
    least = ["kms:Encrypt", "kms:Decrypt"]
    out["ID"], out["SECRET"] = user(iam, "schloss", least + ["sts:AssumeRole"])
    out["READER_ID"], out["READER_SECRET"] = user(iam, "reader", ["kms:Decrypt"])
    out["STRANGER_ID"], out["STRANGER_SECRET"] = user(iam, "stranger", ["sts:GetCallerIdentity"])
    out["ASSUMER_ID"], out["ASSUMER_SECRET"] = user(iam, "assumer", ["sts:AssumeRole"])
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
    role = iam.create_role(RoleName="schloss", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName="schloss", PolicyName="p", PolicyDocument=policy(least))
    out["ROLE"] = role["Arn"]
    weak = iam.create_role(RoleName="weak", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName="weak", PolicyName="p", PolicyDocument=policy(["kms:Decrypt"]))
    out["WEAK_ROLE"] = weak["Arn"]
for name, value in out.items():
    print(f"{name}={value}")
