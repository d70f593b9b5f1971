"""One contract case per resource type: what is declared, read back by boto3, changed, and edited by an outsider."""

import localcloud_cases_certificates
import localcloud_cases_core
import localcloud_cases_data
import localcloud_cases_delivery
import localcloud_cases_ec2
import localcloud_cases_iam
import localcloud_cases_links
import localcloud_cases_more
import localcloud_cases_network
import localcloud_cases_rds
import localcloud_cases_s3
import localcloud_cases_serverless
from localcloud_world import Case

CASES: tuple[Case, ...] = (
    *localcloud_cases_core.CASES,
    *localcloud_cases_ec2.CASES,
    *localcloud_cases_iam.CASES,
    *localcloud_cases_data.CASES,
    *localcloud_cases_s3.CASES,
    *localcloud_cases_serverless.CASES,
    *localcloud_cases_more.CASES,
    *localcloud_cases_links.CASES,
    *localcloud_cases_rds.CASES,
    *localcloud_cases_network.CASES,
    *localcloud_cases_delivery.CASES,
    *localcloud_cases_certificates.CASES,
)
